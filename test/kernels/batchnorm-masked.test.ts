/** Batch norm where a mask says what counts: kernels at the edges of lanes, and the layer. */
import { describe, expect, it } from 'vitest';
import {
  Add,
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type Input,
  Linear,
  MaskedBatchNorm1d,
  MaskedBatchNorm2d,
  MaskedBatchNorm3d,
  Module,
  recomputeStatistics,
  Tensor,
} from '../../src/index.ts';
import { gradients, normalize, statistics } from '../reference/batchnorm.ts';
import { BatchNormRun } from '../support/batchnorm.ts';
import { expectClose } from '../support/close.ts';
import { Arena } from '../support/kernels.ts';
import { TestRandom } from '../support/random.ts';

const SUMS = { scaled: 2e-6, atol: 2e-6 };
const random = new TestRandom(19);

interface Problem {
  n: number;
  c: number;
  /** 0: rows. */
  s: number;
  x: Float32Array;
  mask: Float32Array;
}

/** The positions that count, as rows [m, c], and where each number came from. */
function chosen({ n, c, s, mask }: Problem): { places: number[]; m: number } {
  const plane = s || 1;
  const places: number[] = [];
  let m = 0;
  for (let i = 0; i < n * plane; i++) {
    if (mask[i] === 0) continue;
    m++;
    for (let j = 0; j < c; j++) {
      places.push(s ? (Math.floor(i / s) * c + j) * s + (i % s) : i * c + j);
    }
  }
  return { places, m };
}

/** Everything the kernels make, held against the reference on the positions that count. */
function check(problem: Problem, running = false): void {
  const { n, c, s, x, mask } = problem;
  const { places, m } = chosen(problem);
  const eps = 1e-3;
  const pick = (values: ArrayLike<number>) => places.map((at) => values[at]!);
  const spread = (rows: ArrayLike<number>) => {
    const all = new Float64Array(x.length);
    for (const [i, at] of places.entries()) all[at] = rows[i]!;
    return all;
  };
  const weight = random.normals(c);
  const bias = random.normals(c);
  const dy = random.normals(x.length);
  // whatever stands where the mask is 0 must not matter
  const counts = new Set(places);
  for (let i = 0; i < x.length; i++) if (!counts.has(i)) x[i] = dy[i] = Number.NaN;
  const sizes = { n: m, c, s: 1 };
  const used = running
    ? { mean: random.normals(c), variance: random.uniforms(c, 0.5, 2) }
    : statistics(pick(x), sizes);
  const affine = { weight, bias, eps };

  const arena = new Arena();
  // ranges of channels and of samples; those of samples are cut anywhere
  const cuts = c > 16 ? [16] : [Math.floor(n / 2)];
  const way = { weight, bias, eps, mask, running: running ? used : undefined, cuts };
  const run = new BatchNormRun(arena, { n, c, s, x, ...way });
  const y = run.forward();
  const { dx, dWeight, dBias } = run.backward(dy);
  arena.checkCanaries();

  // K may lie four deviations off: then var is the small difference of two numbers 17 times its size
  if (!running)
    expectClose(run.row('variance'), used.variance, { rtol: 6e-6, atol: 1e-12 }, 'variance');
  const expected = gradients(pick(dy), pick(x), used, sizes, affine, running);
  expectClose(y, spread(normalize(pick(x), used, sizes, affine)), { scaled: 2e-6 }, 'y');
  expectClose(dx, spread(expected.dx), SUMS, 'dx');
  expectClose(dWeight, expected.dWeight, SUMS, 'dWeight');
  expectClose(dBias, expected.dBias, SUMS, 'dBias');
}

/** A mask that counts a share of the positions, and at least three. */
function masks(size: number, share: number): Float32Array {
  const mask = random.uniforms(size).map((u) => (u < share ? 1 : 0));
  for (const i of [0, Math.floor(size / 2), size - 1]) mask[i] = 1;
  return mask;
}

describe('masked kernels', () => {
  for (const layout of ['rows', 'planes']) {
    it(`${layout}: statistics, y and gradients at the edges of lanes`, () => {
      const extents =
        layout === 'rows'
          ? [
              [4, 0],
              [5, 0],
              [9, 0],
              [23, 0],
              [261, 0],
            ]
          : [
              [3, 1],
              [1, 5],
              [2, 4],
              [3, 15],
              [2, 16],
              [1, 17],
              [2, 67],
            ];
      for (const c of [1, 2, 3, 4, 5, 15, 16, 17, 33]) {
        for (const [n, s] of extents as [number, number][]) {
          for (const share of [0.3, 0.9, 1]) {
            const x = random.normals(n * c * (s || 1), c - 3, 2);
            check({ n, c, s, x, mask: masks(n * (s || 1), share) });
          }
          const x = random.normals(n * c * (s || 1));
          check({ n, c, s, x, mask: masks(n * (s || 1), 0.5) }, true);
        }
      }
    });
  }

  it('more channels than a block, more positions than a run of sums, far from zero', () => {
    check({ n: 9, c: 1037, s: 0, x: random.normals(9 * 1037), mask: masks(9, 0.7) });
    check({ n: 2049, c: 3, s: 0, x: random.normals(2049 * 3, 5), mask: masks(2049, 0.7) });
    check({ n: 2, c: 2, s: 9001, x: random.normals(2 * 2 * 9001, 5), mask: masks(2 * 9001, 0.7) });
    check({ n: 700, c: 4, s: 0, x: random.normals(2800, 1e4), mask: masks(700, 0.5) });
    check({ n: 3, c: 4, s: 300, x: random.normals(3600, 1e4), mask: masks(900, 0.5) });
  });

  it('a sample that lies far off moves the shift', () => {
    const x = random.normals(900, 1e4);
    const mask = new Float32Array(900).fill(1);
    // the first, middle and last sixth's samples
    for (const at of [150, 450, 749]) x[at] = 0;
    check({ n: 1, c: 1, s: 900, x, mask });
  });
});

describe('forward([x, mask])', () => {
  const shape = [4, 3, 6];
  const lengths = [6, 2, 4, 1];
  const mask = {
    shape: [4, 6],
    data: lengths.flatMap((l) => Array.from({ length: 6 }, (_, i) => (i < l ? 1 : 0))),
  };
  const padded = (fill: number) => ({
    shape,
    data: Float32Array.from({ length: 72 }, (_, i) =>
      i % 6 < lengths[Math.floor(i / 18)]! ? Math.sin(i) : fill,
    ),
  });

  it('does not see what is masked, in any mode or layout', () => {
    for (const make of [
      () => new MaskedBatchNorm1d(3),
      () => new MaskedBatchNorm1d(3, { virtualBatchSize: 2 }),
    ]) {
      using a = make();
      using b = make();
      const dy = { shape, data: random.normals(72) };
      const ya = a.forward([padded(0), mask]).toArray();
      const yb = b.forward([padded(Number.NaN), mask]).toArray();
      expect(ya).toEqual(yb);
      for (const [i, v] of ya.entries())
        if (i % 6 >= lengths[Math.floor(i / 18)]!) expect(v).toBe(0);
      const [da, dm] = a.backward<Tensor[]>(dy);
      const [db] = b.backward<Tensor[]>(dy);
      expect(da!.toArray()).toEqual(db!.toArray());
      expect([...dm!.toArray()]).toEqual(new Array(24).fill(0));
      expect(a.stateDict()).toEqual(b.stateDict());
      expect(a.predict([padded(3), mask]).toArray()).toEqual(
        b.predict([padded(-3), mask]).toArray(),
      );
    }
  });

  it('with all ones is the plain layer, images and volumes too', () => {
    for (const [Masked, Plain, extents] of [
      [MaskedBatchNorm1d, BatchNorm1d, []],
      [MaskedBatchNorm1d, BatchNorm1d, [7]],
      [MaskedBatchNorm2d, BatchNorm2d, [3, 5]],
      [MaskedBatchNorm3d, BatchNorm3d, [2, 3, 2]],
    ] as const) {
      for (const channelsLast of [false, true]) {
        using masked = new Masked(5, { channelsLast });
        using plain = new Plain(5, { channelsLast });
        const shape = channelsLast ? [6, ...extents, 5] : [6, 5, ...extents];
        const size = shape.reduce((a, b) => a * b);
        const x = { shape, data: random.normals(size, 2) };
        const dy = { shape, data: random.normals(size) };
        const ones = { shape: [6, ...extents], data: new Float32Array(size / 5).fill(1) };
        const tolerance = { scaled: 2e-6, atol: 1e-6 };
        expectClose(
          masked.forward([x, ones]).toArray(),
          plain.forward(x).toArray(),
          tolerance,
          'y',
        );
        const [dx] = masked.backward<Tensor[]>(dy);
        expectClose(dx!.toArray(), plain.backward(dy).toArray(), tolerance, 'dx');
        expectClose(masked.runningVar!.data.toArray(), plain.runningVar!.data.toArray(), tolerance);
        masked.eval();
        plain.eval();
        expectClose(
          masked.forward([x, ones]).toArray(),
          plain.forward(x).toArray(),
          tolerance,
          'y',
        );
        const [frozen] = masked.backward<Tensor[]>(dy);
        expectClose(frozen!.toArray(), plain.backward(dy).toArray(), tolerance, 'dx');
      }
    }
  });

  it('goes through a composite, and into population statistics', () => {
    class Encoder extends Module {
      linear = new Linear(4, 3, { bias: false });
      bn = new MaskedBatchNorm1d(3, { channelsLast: true });
      add = new Add();
      override forward([x, m]: [Input, Input]): Tensor {
        const y = this.linear.forward(x);
        return this.add.forward([this.bn.forward([y, m]), y]);
      }
    }
    using model = new Encoder();
    const x: Input = { shape: [4, 6, 4], data: random.normals(96) };
    expect(model.forward([x, mask]).shape).toEqual([4, 6, 3]);
    const [dx] = model.backward<Tensor[]>({ shape: [4, 6, 3], data: random.normals(72) });
    expect(dx!.shape).toEqual([4, 6, 4]);
    recomputeStatistics(model, [[x, mask]]);
    const y = model.linear.predict(x).toArray();
    const rows = mask.data.flatMap((v, i) => (v ? [...y.slice(3 * i, 3 * i + 3)] : []));
    const exact = statistics(rows, { n: 13, c: 3, s: 1 });
    expectClose(model.bn.runningMean!.data.toArray(), exact.mean, { atol: 1e-6 });
  });

  it('says what is wrong with a mask, and stays as it was', () => {
    using bn = new MaskedBatchNorm1d(3);
    const x = padded(0);
    const pending = bn.forward([x, mask]);
    const kept = pending.toArray();
    const state = bn.stateDict();
    const refuses = (shape: number[], data: ArrayLike<number>, text: string) => {
      expect(() => bn.forward([x, { shape, data }])).toThrow(new RangeError(text));
      expect(bn.stateDict()).toEqual(state);
      expect(pending.toArray()).toEqual(kept);
    };
    refuses(
      [4, 3],
      new Float32Array(12),
      'MaskedBatchNorm1d(3): mask expected [4, 6] for an input of [4, 3, 6], got [4, 3]',
    );
    refuses(
      [24],
      new Float32Array(24),
      'MaskedBatchNorm1d(3): mask expected [4, 6] for an input of [4, 3, 6], got [24]',
    );
    const few =
      'MaskedBatchNorm1d(3): mask expected to leave two positions or more for the statistics, got';
    const way = 'use a larger batch, or eval() or predict()';
    refuses([4, 6], new Float32Array(24), `${few} 0 of 24: ${way}`);
    refuses(
      [4, 6],
      Float32Array.from({ length: 24 }, (_, i) => (i === 7 ? 1 : 0)),
      `${few} 1 of 24: ${way}`,
    );
    const odd = new Float32Array(24).fill(1);
    odd[5] = 0.5;
    refuses([4, 6], odd, 'MaskedBatchNorm1d(3): mask expected 0 and 1, got 0.5 at [5]');
    expect(bn.backward<Tensor[]>({ shape, data: random.normals(72) })).toHaveLength(2);
    expect([...bn.predict([x, Tensor.zeros([4, 6])]).toArray()]).toEqual(new Array(72).fill(0));
    using ghosts = new MaskedBatchNorm1d(3, { virtualBatchSize: 2 });
    const half = { shape: [4, 6], data: mask.data.map((v, i) => (i < 12 ? v : 0)) };
    expect(() => ghosts.forward([x, half])).toThrow(/the statistics of each ghost, got 0 of 12/);
  });
});
