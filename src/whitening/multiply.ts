import { GemmShape } from '../generated/kernels.ts';
import { Block, NULL } from '../memory/memory.ts';
import { withStruct } from '../memory/struct.ts';
import { kernels } from '../runtime/engine.ts';

/** Rows that are copied into linear memory, multiplied and copied back together. */
const ROWS = 1024;

/** x·Wᵀ of rows x, [n, k], and W, [m, k]; or, if not `transpose`, x·W with W, [k, m]. Returns [n, m]. */
export function multiply(
  x: Float32Array,
  weights: Float64Array,
  [n, k, m]: readonly [n: number, k: number, m: number],
  transpose: boolean,
): Float32Array {
  const rows = Math.min(n, ROWS);
  const { gemm, gemmScratch } = kernels();
  const blocks: Block[] = [];
  const block = (bytes: number): Block => {
    blocks.push(new Block(bytes));
    return blocks.at(-1)!;
  };
  try {
    const w = block(weights.length * 4);
    const a = block(rows * k * 4);
    const c = block(rows * m * 4);
    const scratch = block(gemmScratch(rows, m, k));
    w.f32.set(weights);
    const y = new Float32Array(n * m);
    const transposeB = transpose ? 1 : 0;
    const sizes = { m: rows, n: m, k, transposeA: 0, transposeB, accumulate: 0, columns: 0 };
    withStruct(GemmShape, sizes, (shape) => {
      for (let from = 0; from < n; from += rows) {
        const count = Math.min(rows, n - from);
        a.f32.set(x.subarray(from * k, (from + count) * k));
        gemm(c.ptr, a.ptr, w.ptr, NULL, shape, 0, 0, count, scratch.ptr);
        y.set(c.f32.subarray(0, count * m), from * m);
      }
    });
    return y;
  } finally {
    for (const held of blocks) held.release();
  }
}
