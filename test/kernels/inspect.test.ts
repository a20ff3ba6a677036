/** The kernels that look at tensors: moments, quantiles, histograms and distances. */
import { describe, expect, it } from 'vitest';
import { UnitShape } from '../../src/generated/kernels.ts';
import * as reference from '../reference/inspect.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { struct } from '../support/struct.ts';

const FRACTIONS = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

/** Values with some that are not finite, also at the first and last place. */
function spoiled(x: Float32Array, every = 7): Float32Array {
  const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return x.map((value, i) => (i % every === 0 || i === x.length - 1 ? bad[i % 3]! : value));
}

function testMoments(name: string, x: Float32Array, [rows, units, inner]: number[]): void {
  const expected = reference.unitMoments(x, rows!, units!, inner!);
  const { values } = kernelCase({
    name,
    inputs: { x },
    outputs: { moments: { length: units! * 5, type: 'f64' } },
    structs: { shape: struct(UnitShape, { rows: rows!, units: units!, inner: inner! }) },
    range: units!,
    call: (k, { moments, x, shape }, from, to) => k.unitMoments(moments, x, shape, from, to),
  });
  for (const [unit, want] of expected.entries()) {
    const [count, mean, scatter, min, max] = values.moments.slice(unit * 5, unit * 5 + 5);
    expect([count, min, max], `${name} unit ${unit}`).toEqual([want.count, want.min, want.max]);
    const sd = Math.sqrt(want.scatter / Math.max(1, want.count));
    // Sums of at most 256 float32 numbers a lane, of differences to the block's mean.
    expect(Math.abs(mean! - want.mean)).toBeLessThanOrEqual(2e-6 * sd);
    expect(Math.abs(scatter! - want.scatter)).toBeLessThanOrEqual(2e-5 * want.scatter);
  }
}

describe('unitMoments', () => {
  const sizes = [1, 3, 4, 5, 15, 16, 17];

  it.each(sizes)('of rows of %i units', (units) => {
    for (const rows of [1, 2, 5, 255, 257, 600]) {
      const x = new TestRandom(units * rows).normals(rows * units, 3, 2);
      testMoments(`[${rows}, ${units}]`, x, [rows, units, 1]);
      testMoments(`[${rows}, ${units}] spoiled`, spoiled(x), [rows, units, 1]);
    }
  });

  it.each([2, 3, 4, 5, 49, 1023, 1024, 1025, 2100])('of planes of %i', (inner) => {
    for (const [rows, units] of [
      [1, 1],
      [3, 2],
      [2, 17],
    ]) {
      const x = new TestRandom(inner).normals(rows! * units! * inner, -1, 5);
      testMoments(`[${rows}, ${units}, ${inner}]`, x, [rows!, units!, inner]);
      testMoments(`[${rows}, ${units}, ${inner}] spoiled`, spoiled(x), [rows!, units!, inner]);
    }
  });

  it('keeps the variance of numbers far from 0', () => {
    const x = new TestRandom(9).normals(5000, 1e4, 1);
    testMoments('plane', x, [1, 1, 5000]);
    testMoments('rows', x, [2500, 2, 1]);
  });

  it('of a unit without finite numbers is 0, 0, 0, ∞, −∞', () => {
    testMoments('rows', new Float32Array(20).fill(Number.NaN), [4, 5, 1]);
    testMoments('plane', new Float32Array(20).fill(Number.NaN), [1, 2, 10]);
  });
});

function testQuantiles(name: string, x: Float32Array, fractions = FRACTIONS): void {
  const finite = Array.from(x).filter((value) => Number.isFinite(value)).length;
  kernelCase({
    name,
    inputs: { x, fractions: Float64Array.from(fractions) },
    // Exact ranks: only the interpolation rounds, in float64.
    outputs: {
      values: {
        expected: reference.quantiles(x, fractions),
        rtol: 1e-14,
        atol: 1e-300,
        type: 'f64',
      },
    },
    scratch: { scratch: (k) => k.quantilesScratch(x.length, fractions.length) },
    returns: { expected: finite },
    call: (k, { values, x: p, fractions: f, scratch }) =>
      k.quantiles(values, p, x.length, f, fractions.length, scratch),
  });
}

describe('quantiles', () => {
  it.each([1, 2, 3, 4, 5, 15, 16, 17, 100, 3001])('of %i numbers are those of the sorted', (n) => {
    const random = new TestRandom(n);
    testQuantiles('normal', random.normals(n));
    testQuantiles('far', random.normals(n, -1e6, 1));
    testQuantiles('small', random.normals(n, 0, 1e-40));
    testQuantiles('spoiled', spoiled(random.normals(n + 1)));
    testQuantiles(
      'many equal',
      random.normals(n).map((x) => Math.max(x, 0)),
    );
    testQuantiles('all equal', new Float32Array(n).fill(-2.5));
    testQuantiles(
      'all magnitudes',
      random.normals(n).map((x) => Math.sign(x) * 10 ** (30 * x)),
    );
  });

  it('take one fraction, the ends, and order between −0 and 0', () => {
    const x = Float32Array.of(-0, 0, 1, -1, -0, 0);
    testQuantiles('ends', x, [0, 1]);
    testQuantiles('middle', x, [0.5]);
    testQuantiles(
      'neighbours that share all digits but the last',
      Float32Array.of(1, 1 + 2 ** -23),
    );
  });

  it('are NaN without a finite number', () => {
    testQuantiles('none', Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY));
  });
});

describe('histogram', () => {
  it.each([1, 3, 4, 5, 100])('counts %i numbers', (n) => {
    for (const x of [new TestRandom(n).normals(n), spoiled(new TestRandom(n).normals(n), 3)]) {
      for (const [low, high, bins] of [
        [-1, 1, 10],
        [-4, 4, 1],
        [0, 0, 3],
        [x[n - 1]!, x[n - 1]! + 1, 7],
      ] as const) {
        if (!Number.isFinite(low)) continue;
        kernelCase({
          name: `${low} to ${high}`,
          inputs: { x },
          outputs: { counts: { expected: reference.histogram(x, low, high, bins), type: 'i32' } },
          call: (k, { counts, x: p }) => k.histogram(counts, p, n, low, high, bins),
        });
      }
    }
  });

  it('puts the highest number into the last bin, and what is beyond into two of their own', () => {
    const x = Float32Array.of(-2, 0, 0.5, 1, 2, 3);
    kernelCase({
      inputs: { x },
      outputs: { counts: { expected: [1, 2, 1, 2], type: 'i32' } },
      call: (k, { counts, x: p }) => k.histogram(counts, p, 6, 0, 1, 2),
    });
  });
});

describe('countOutside', () => {
  it.each([1, 3, 4, 5, 15, 16, 17, 1000])(
    'of %i numbers, the bounds and infinities counted',
    (n) => {
      const x = spoiled(new TestRandom(n).normals(n), 5).map((value, i) =>
        i % 4 === 1 ? 0.5 : value,
      );
      kernelCase({
        inputs: { x },
        returns: { expected: reference.countOutside(x, -1, 0.5) },
        call: (k, { x: p }) => k.countOutside(p, n, -1, 0.5),
      });
    },
  );
});

describe('everyNth', () => {
  it.each([
    [1, 1],
    [5, 3],
    [100, 7],
  ])('gathers %i numbers, %i apart', (count, stride) => {
    const x = new TestRandom(count).normals((count - 1) * stride + 1);
    kernelCase({
      inputs: { x },
      outputs: { y: { expected: x.filter((_, i) => i % stride === 0) } },
      call: (k, { y, x: p }) => k.everyNth(y, p, count, stride),
    });
  });
});

describe('sumOfSquaredDifferences', () => {
  it.each([1, 3, 4, 5, 15, 16, 17, 1000])('of %i numbers that hardly differ', (n) => {
    const random = new TestRandom(n);
    const a = random.normals(n, 1, 0.1);
    const b = a.map((value) => value * (1 + 1e-6 * random.normal()));
    kernelCase({
      inputs: { a, b },
      range: n,
      returns: { expected: reference.sumOfSquaredDifferences(a, b), rtol: 1e-13, atol: 1e-30 },
      call: (k, p, from, to) => k.sumOfSquaredDifferences(p.a, p.b, from, to),
    });
  });
});
