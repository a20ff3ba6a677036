import { Block, NULL } from '../memory/memory.ts';
import { kernels } from '../runtime/engine.ts';

/** Rows multiplied at once: what is copied into linear memory and back stays small. */
const ROWS = 1024;

/** x·Wᵀ, or with `across` x·W, of rows [n, k] and a matrix W, [m, k] or [k, m]; gives [n, m]. */
export function multiply(
  x: Float32Array,
  weights: Float64Array,
  n: number,
  k: number,
  m: number,
  across: boolean,
): Float32Array {
  const rows = Math.min(n, ROWS);
  const { gemmNN, gemmNT, gemmScratch } = kernels();
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
    const product = across ? gemmNN : gemmNT;
    const y = new Float32Array(n * m);
    w.f32.set(weights);
    for (let from = 0; from < n; from += rows) {
      const count = Math.min(rows, n - from);
      a.f32.set(x.subarray(from * k, (from + count) * k));
      product(c.ptr, a.ptr, w.ptr, NULL, count, m, k, 0, 0, 0, count, scratch.ptr);
      y.set(c.f32.subarray(0, count * m), from * m);
    }
    return y;
  } finally {
    for (const held of blocks) held.release();
  }
}
