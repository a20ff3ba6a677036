/**
 * Kernels that walk down columns of rows longer than 64 KiB, with each of their arrays in turn at the end of
 * memory: the address after a column's last element is a whole row beyond the array.
 */
import { describe, expect, it } from 'vitest';
import { BatchNormShape, GemmShape } from '../../src/generated/kernels.ts';
import { Arena, type Block } from '../support/kernels.ts';
import { TestRandom } from '../support/random.ts';

const ROWS = 5;
const WIDTH = 20_003;
const all = ROWS * WIDTH;
const shape = (arena: Arena) => arena.struct(BatchNormShape, { n: ROWS, c: WIDTH, s: 0 }).ptr;

interface Walk {
  /** The lengths of its arrays in floats; all are filled with random numbers. */
  readonly lengths: readonly number[];
  /** Places structs below the arrays. */
  run(arena: Arena, arrays: readonly Block[]): void;
}

const WALKS: Record<string, Walk> = {
  'softmax over axis 1': {
    lengths: [all, all],
    run: ({ kernels }, [y, x]) => kernels.softmaxForward(y!.ptr, x!.ptr, ROWS, WIDTH, 0, 1),
  },
  "softmax's gradient": {
    lengths: [all, all, all],
    run: ({ kernels }, [dx, y, dy]) =>
      kernels.softmaxBackward(dx!.ptr, y!.ptr, dy!.ptr, ROWS, WIDTH, 0, 1),
  },
  'log softmax over axis 1': {
    lengths: [all, all],
    run: ({ kernels }, [y, x]) => kernels.logSoftmaxForward(y!.ptr, x!.ptr, ROWS, WIDTH, 0, 1),
  },
  "log softmax's gradient": {
    lengths: [all, all, all],
    run: ({ kernels }, [dx, y, dy]) =>
      kernels.logSoftmaxBackward(dx!.ptr, y!.ptr, dy!.ptr, ROWS, WIDTH, 0, 1),
  },
  "PReLU's weight": {
    lengths: [WIDTH, all, all],
    run: ({ kernels }, [dw, x, dy]) =>
      kernels.preluBackwardWeight(dw!.ptr, x!.ptr, dy!.ptr, ROWS, WIDTH, 1, 0, WIDTH),
  },
  bias: {
    lengths: [WIDTH, all],
    run: ({ kernels }, [db, dy]) => kernels.biasBackward(db!.ptr, dy!.ptr, ROWS, WIDTH, 0, WIDTH),
  },
  'a matrix product': {
    lengths: [7 * WIDTH, 7 * ROWS, all, 300_000],
    run: (arena, [c, a, b, scratch]) => {
      const sizes = {
        m: 7,
        n: WIDTH,
        k: ROWS,
        transposeA: 0,
        transposeB: 0,
        accumulate: 0,
        columns: 0,
      };
      const { ptr } = arena.struct(GemmShape, sizes);
      arena.kernels.gemm(c!.ptr, a!.ptr, b!.ptr, 0 as never, ptr, 0, 0, 7, scratch!.ptr);
    },
  },
  'a matrix product with A transposed': {
    lengths: [7 * WIDTH, 7 * ROWS, all, 300_000],
    run: (arena, [c, b, a, scratch]) => {
      const sizes = {
        m: WIDTH,
        n: 7,
        k: ROWS,
        transposeA: 1,
        transposeB: 0,
        accumulate: 0,
        columns: 0,
      };
      const { ptr } = arena.struct(GemmShape, sizes);
      arena.kernels.gemm(c!.ptr, a!.ptr, b!.ptr, 0 as never, ptr, 0, 0, WIDTH, scratch!.ptr);
    },
  },
  'batch norm of rows': {
    lengths: [all, 5 * WIDTH, all, 100_000],
    run: (arena, [y, coefficients, x, scratch]) =>
      arena.kernels.batchNormForward(
        ...([y!.ptr, coefficients!.ptr, x!.ptr, shape(arena), 0, 0, ROWS, scratch!.ptr] as const),
      ),
  },
  "batch norm's statistics": {
    lengths: [4 * WIDTH, all, 100_000],
    run: (arena, [statistics, x, scratch]) =>
      arena.kernels.batchNormStatistics(
        ...([statistics!.ptr, x!.ptr, shape(arena), 1e-5, 0, WIDTH, scratch!.ptr] as const),
      ),
  },
  "batch norm's gradient": {
    lengths: [all, 5 * WIDTH, all, all, 100_000],
    run: (arena, [dx, coefficients, dy, x, scratch]) => {
      const { ptr } = coefficients!;
      const sizes = shape(arena);
      arena.kernels.batchNormBackward(
        ...([dx!.ptr, ptr, dy!.ptr, x!.ptr, sizes, 0, 0, ROWS, scratch!.ptr] as const),
      );
    },
  },
  covariance: {
    lengths: [8 * (WIDTH + 1), ROWS * (WIDTH + 1)],
    run: ({ kernels }, [sums, x]) =>
      kernels.crossProducts(sums!.ptr, x!.ptr, ROWS, WIDTH + 1, 0, 4),
  },
  "RMS norm's weight": {
    lengths: [WIDTH, 3 * WIDTH],
    run: ({ kernels }, [dWeight, partial]) =>
      kernels.rmsNormAffineBackward(dWeight!.ptr, partial!.ptr, 600, WIDTH, 0, WIDTH),
  },
};

const numbers = Array.from({ length: 4 }, (_, i) =>
  new TestRandom(i + 1).uniforms(5 * (WIDTH + 1), -1, 1),
);

/** Random numbers, others for each i. */
function filling(i: number, length: number): Float32Array {
  const array = new Float32Array(length);
  const source = numbers[i % numbers.length]!;
  for (let at = 0; at < length; at += source.length) {
    array.set(source.subarray(0, length - at), at);
  }
  return array;
}

/** The arrays after the walk, with the `last`-th of them nearest to the end of the arena. */
function walk({ lengths, run }: Walk, arena: Arena, last: number): Uint8Array[] {
  arena.reset();
  const order = [...lengths.keys()].sort((a, b) => Number(b === last) - Number(a === last));
  const arrays: Block[] = [];
  for (const i of order) arrays[i] = arena.f32(filling(i, lengths[i]!));
  run(arena, arrays);
  arena.checkCanaries();
  return arrays.map(({ u8 }) => u8.slice());
}

describe('a walk down long rows at the end of memory has the bits of one at its start:', () => {
  const low = new Arena(false);
  const high = new Arena(true);
  it.each(Object.entries(WALKS))('%s', (_, described) => {
    const expected = walk(described, low, 0);
    for (const last of described.lengths.keys()) {
      for (const [i, bytes] of walk(described, high, last).entries()) {
        expect(Buffer.compare(bytes, expected[i]!), `array ${i} with ${last} at the end`).toBe(0);
      }
    }
  });
});
