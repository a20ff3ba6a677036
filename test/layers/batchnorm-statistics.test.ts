/**
 * How well the statistics, and all that follows from them, hold up on data far from zero. ACCURACY=1 takes
 * large tensors and prints the largest errors, as docs/batchnorm.md has them.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { gradients, normalize, statistics } from '../reference/batchnorm.ts';
import { BatchNormRun } from '../support/batchnorm.ts';
import { expectClose } from '../support/close.ts';
import { Arena } from '../support/kernels.ts';
import { TestRandom } from '../support/random.ts';

/** value(normal deviate, its index among the m values of a channel, m) */
type Recipe = (z: number, i: number, m: number) => number;

const isSample = (i: number, m: number, which: number[]) =>
  which.some((odd) => i === Math.floor((odd * m) / 10));

const RECIPES: Record<string, Recipe> = {
  'N(0, 1)': (z) => z,
  'mean 1e4, sd 1': (z) => 1e4 + z,
  'mean −100, sd 0.01': (z) => -100 + 0.01 * z,
  'mean 1e6, sd 100': (z) => 1e6 + 100 * z,
  'mean 1e4, sd 1, the first row 0': (z, i) => (i === 0 ? 0 : 1e4 + z),
  'mean 1e4, sd 1, the first eighth 1e4 + 30': (z, i, m) => (i < m / 8 ? 30 : 0) + 1e4 + z,
  'three of the five samples 0': (z, i, m) => (isSample(i, m, [1, 5, 9]) ? 0 : 1e4 + z),
  'all five samples 200 sd off': (z, i, m) => (isSample(i, m, [1, 3, 5, 7, 9]) ? 200 : 0) + 1e4 + z,
  'three samples 1e8': (z, i, m) => (isSample(i, m, [1, 5, 9]) ? 1e8 : z),
  rising: (z, i, m) => 1e3 + (10 * i) / m + 0.01 * z,
  'mostly zero, as behind a ReLU': (z) => Math.max(0, z - 2),
};

const SMALL = [
  { name: 'rows [256, 37]', n: 256, c: 37, s: 0 },
  { name: 'rows [4096, 18]', n: 4096, c: 18, s: 0 },
  { name: 'planes [100, 6, 28·28]', n: 100, c: 6, s: 784 },
  { name: 'planes [8, 21, 7·7]', n: 8, c: 21, s: 49 },
];

const LARGE = [
  { name: 'rows [256, 1024]', n: 256, c: 1024, s: 0 },
  { name: 'rows [4096, 512]', n: 4096, c: 512, s: 0 },
  { name: 'planes [100, 32, 28·28]', n: 100, c: 32, s: 784 },
  { name: 'planes [8, 64, 56·56]', n: 8, c: 64, s: 3136 },
];

const LAYOUTS = process.env.ACCURACY ? LARGE : SMALL;

/** The largest errors met: of variances relative to each, of y and dx relative to the largest entry. */
const worst = { variance: 0, y: 0, dx: 0 };

function note(
  of: keyof typeof worst,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
): void {
  let [most, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const e = Math.abs(expected[i]!);
    const error = Math.abs(actual[i]! - expected[i]!);
    most = Math.max(most, of === 'variance' ? error / (e || 1) : error);
    largest = Math.max(largest, e);
  }
  worst[of] = Math.max(worst[of], of === 'variance' ? most : most / largest);
}

afterAll(() => {
  if (process.env.ACCURACY) console.log('largest relative errors', worst);
});

function fill(random: TestRandom, recipe: Recipe, n: number, c: number, s: number): Float32Array {
  const plane = s || 1;
  const x = new Float32Array(n * c * plane);
  for (let i = 0; i < x.length; i++) {
    const row = Math.floor(i / (c * plane));
    x[i] = recipe(random.normal(), row * plane + (i % plane), n * plane);
  }
  return x;
}

describe('batch norm statistics', () => {
  for (const { name, n, c, s } of LAYOUTS) {
    it(`${name}: variance, y and dx within 1e-5 of float64`, () => {
      for (const [recipe, value] of Object.entries(RECIPES)) {
        const random = new TestRandom(n + c + recipe.length);
        const x = fill(random, value, n, c, s);
        const dy = random.normals(x.length);
        const sizes = { n, c, s: s || 1 };
        const exact = statistics(x, sizes);
        const arena = new Arena();
        const run = new BatchNormRun(arena, { n, c, s, x });
        const y = run.forward();
        const affine = { eps: run.eps };
        expectClose(run.row('variance'), exact.variance, { rtol: 1e-5 }, `${recipe}: variance`);
        expectClose(y, normalize(x, exact, sizes, affine), { scaled: 1e-5 }, `${recipe}: y`);
        note('variance', run.row('variance'), exact.variance);
        note('y', y, normalize(x, exact, sizes, affine));
        const expected = gradients(dy, x, exact, sizes, affine);
        const { dx, dWeight, dBias } = run.backward(dy);
        note('dx', dx, expected.dx);
        expectClose(dx, expected.dx, { scaled: 1e-5 }, `${recipe}: dx`);
        expectClose(dWeight, expected.dWeight, { scaled: 1e-5 }, `${recipe}: dWeight`);
        expectClose(dBias, expected.dBias, { scaled: 1e-5 }, `${recipe}: dBias`);
        arena.checkCanaries();
      }
    });

    it(`${name}: moves a poor shift, and that one alone`, () => {
      const random = new TestRandom(1);
      const good = fill(random, (z) => 1e4 + z, n, c, s);
      const bad = fill(random, RECIPES['all five samples 200 sd off']!, n, c, s);
      const plane = s || 1;
      const sick = new Set([0, 4, c - 1]);
      const x = good.map((v, i) => (sick.has(Math.floor(i / plane) % c) ? bad[i]! : v));
      const healthy = new BatchNormRun(new Arena(), { n, c, s, x: good });
      const mixed = new BatchNormRun(new Arena(), { n, c, s, x });
      healthy.forward();
      mixed.forward();
      for (let j = 0; j < c; j++) {
        if (sick.has(j)) {
          // without the second sweep K would be a sample, 200 off
          expect(Math.abs(mixed.row('shift')[j]! - 1e4)).toBeLessThan(20);
          expect(Math.abs(mixed.row('delta')[j]!)).toBeLessThan(0.1);
        } else {
          expect(mixed.row('shift')[j]).toBe(healthy.row('shift')[j]);
          expect(mixed.row('variance')[j]).toBe(healthy.row('variance')[j]);
        }
      }
    });
  }

  it('a constant channel has variance zero, and y = β', () => {
    for (const s of [0, 5]) {
      const [n, c] = [300, 6];
      const x = new Float32Array(n * c * (s || 1)).fill(12345.678);
      const bias = new TestRandom(1).normals(c);
      const run = new BatchNormRun(new Arena(), { n, c, s, x, bias });
      const y = run.forward();
      expect([...run.row('variance')]).toEqual(new Array(c).fill(0));
      expect(y).toEqual(y.map((_, i) => bias[Math.floor(i / (s || 1)) % c]!));
    }
  });
});
