/** Batch norm's kernels one by one: what each reads, writes and leaves alone, in pieces and in place. */
import { describe, expect, it } from 'vitest';
import { BatchNormShape, type Kernels, type Pointer } from '../../src/generated/kernels.ts';
import { statistics } from '../reference/batchnorm.ts';
import { expectClose } from '../support/close.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { struct } from '../support/struct.ts';

const SHAPES = [
  { n: 2, c: 1, s: 0 },
  { n: 37, c: 3, s: 0 },
  { n: 40, c: 18, s: 0 },
  { n: 5, c: 1040, s: 0 },
  { n: 1, c: 2, s: 5 },
  { n: 3, c: 17, s: 16 },
  { n: 2, c: 33, s: 67 },
];

const scratch = (k: Kernels, { shape }: { shape: Pointer<never> }) => k.batchNormScratch(shape);

function problem({ n, c, s }: (typeof SHAPES)[number]) {
  const random = new TestRandom(n + c + s);
  const size = n * c * (s || 1);
  const positions = n * (s || 1);
  const channel = (i: number) => (s ? Math.floor(i / s) % c : i % c);
  const position = (i: number) => (s ? Math.floor(i / (c * s)) * s + (i % s) : Math.floor(i / c));
  const mask = random.uniforms(positions).map((u) => (u < 0.7 ? 1 : 0));
  for (const i of [0, positions - 1]) mask[i] = 1;
  const blocks = {
    coefficients: random.normals(5 * c),
    statistics: Float32Array.from([...random.normals(2 * c), ...random.uniforms(2 * c, 0.5, 2)]),
  };
  // K, a, b, p and q of an element's channel
  const of = (i: number) =>
    [0, 1, 2, 3, 4].map((row) => blocks.coefficients[row * c + channel(i)]!) as [
      ...[number, number, number, number, number],
    ];
  return {
    ...{ n, c, s, size, channel, position, mask, of, random, ...blocks },
    x: random.normals(size),
    dy: random.normals(size),
    structs: { shape: struct(BatchNormShape, { n, c, s }) },
  };
}

/** Float32 rounding of a few terms of size one to ten. */
const FEW = { rtol: 1e-6, atol: 2e-6 };

describe.each(SHAPES)('[$n, $c, $s]', (sizes) => {
  const { n, c, s, size, channel, position, mask, of, random, ...blocks } = problem(sizes);
  const { coefficients, statistics: saved, x, dy, structs } = blocks;
  const samples = { total: n, step: 1 };
  /** What is expected of every element, or 0 where the mask is 0. */
  const each = (masked: boolean, value: (i: number) => number) =>
    Float64Array.from({ length: size }, (_, i) => (masked && !mask[position(i)] ? 0 : value(i)));
  const passes = (i: number, relu: boolean) => {
    const [k, a, b] = of(i);
    // the very float32 number that the ReLU sees, so that both agree about its sign
    const d = Math.fround(x[i]! - k);
    return !relu || Math.fround(Math.fround(d * a) + b) > 0;
  };

  it('statistics, in pieces of channels', () => {
    const { values } = kernelCase({
      inputs: { x },
      outputs: { statistics: { length: 4 * c } },
      scratch: { scratch },
      structs,
      range: c,
      call: (k, { statistics, x, shape, scratch }, from, to) =>
        k.batchNormStatistics(statistics, x, shape, 1e-3, from, to, scratch),
    });
    const exact = statistics(x, { n, c, s: s || 1 });
    const row = (i: number) => Float64Array.from(values.statistics.subarray(i * c, (i + 1) * c));
    const mean = row(0).map((shift, j) => shift + row(1)[j]!);
    expectClose(mean, exact.mean, { atol: 1e-6 }, 'K + δ');
    expectClose(row(2), exact.variance, { rtol: 2e-6, atol: 1e-7 }, 'variance');
    const invStd = exact.variance.map((v) => 1 / Math.sqrt(v + 1e-3));
    expectClose(row(3), invStd, { rtol: 1e-5 }, '1/σ');
  });

  it('affine coefficients and running statistics', () => {
    const weight = random.normals(c);
    const bias = random.normals(c);
    const row = (i: number) => saved.subarray(i * c, (i + 1) * c);
    const [shift, delta, variance, invStd] = [row(0), row(1), row(2), row(3)];
    for (const affine of [true, false]) {
      const a = invStd.map((r, j) => (affine ? weight[j]! : 1) * r);
      const b = delta.map((d, j) => (affine ? bias[j]! : 0) - d * a[j]!);
      const given = affine ? { weight, bias } : { weight: undefined, bias: undefined };
      const { values } = kernelCase({
        inputs: { statistics: saved, ...given },
        outputs: { coefficients: { length: 5 * c, untouched: (i) => i >= 3 * c } },
        range: c,
        call: (k, p, from, to) =>
          k.batchNormAffine(p.coefficients, p.statistics, p.weight, p.bias, c, from, to),
      });
      expectClose(values.coefficients.subarray(0, 3 * c), [...shift, ...a, ...b], FEW, 'K, a, b');
    }
    const start = { mean: random.normals(c), variance: random.uniforms(c) };
    const follow = (old: Float32Array, now: (j: number) => number) =>
      old.map((v, j) => 0.75 * v + 0.25 * now(j));
    kernelCase({
      inputs: { statistics: saved.subarray(0, 3 * c) },
      updates: {
        mean: {
          start: start.mean,
          expected: follow(start.mean, (j) => shift[j]! + delta[j]!),
          ...FEW,
        },
        variance: {
          start: start.variance,
          expected: follow(start.variance, (j) => variance[j]! * 1.5),
          ...FEW,
        },
      },
      range: c,
      call: (k, p, from, to) =>
        k.batchNormUpdateRunning(p.mean, p.variance, p.statistics, c, 1.5, 0.25, from, to),
    });
    const { values } = kernelCase({
      inputs: { mean: start.mean, variance: start.variance },
      outputs: { statistics: { length: 4 * c, untouched: (i) => i >= 2 * c && i < 3 * c } },
      range: c,
      call: (k, p, from, to) =>
        k.batchNormRunning(p.statistics, p.mean, p.variance, c, 1e-3, from, to),
    });
    const sum = start.mean.map((_, j) => values.statistics[j]! + values.statistics[c + j]!);
    expect(sum).toEqual(start.mean);
    const inverse = start.variance.map((v) => 1 / Math.sqrt(v + 1e-3));
    expectClose(values.statistics.subarray(3 * c), inverse, { rtol: 1e-6 }, '1/σ');
  });

  for (const relu of [false, true]) {
    it(`y, dx and frozen dx${relu ? ' with ReLU' : ''}, in pieces of samples, in place`, () => {
      const flag = relu ? 1 : 0;
      kernelCase({
        inputs: { coefficients: coefficients.subarray(0, 3 * c), x },
        outputs: {
          y: {
            expected: each(false, (i) => {
              const [k, a, b] = of(i);
              return passes(i, relu) ? (x[i]! - k) * a + b : 0;
            }),
            ...FEW,
          },
        },
        scratch: { scratch },
        structs,
        range: samples,
        inPlace: { y: 'x' },
        call: (k, { y, coefficients, x, shape, scratch }, from, to) =>
          k.batchNormForward(y, coefficients, x, shape, flag, from, to, scratch),
      });
      const upstream = (i: number) => (passes(i, relu) ? dy[i]! : 0);
      kernelCase({
        inputs: { coefficients, dy, x },
        outputs: {
          dx: {
            expected: each(false, (i) => {
              const [k, a, , p, q] = of(i);
              return upstream(i) * a + (x[i]! - k) * p + q;
            }),
            ...FEW,
          },
        },
        scratch: { scratch },
        structs,
        range: samples,
        inPlace: { dx: 'dy' },
        call: (k, { dx, coefficients, dy, x, shape, scratch }, from, to) =>
          k.batchNormBackward(dx, coefficients, dy, x, shape, flag, from, to, scratch),
      });
      kernelCase({
        inputs: { coefficients: coefficients.subarray(0, 3 * c), dy, x: relu ? x : undefined },
        outputs: { dx: { expected: each(false, (i) => upstream(i) * of(i)[1]), ...FEW } },
        scratch: { scratch },
        structs,
        range: samples,
        inPlace: { dx: 'dy' },
        call: (k, { dx, coefficients, dy, x, shape, scratch }, from, to) =>
          k.batchNormFrozenBackward(dx, coefficients, dy, x, shape, flag, from, to, scratch),
      });
    });
  }

  for (const way of ['plain', 'ReLU', 'masked']) {
    it(`sums, and what follows from them: ${way}`, () => {
      const [relu, masked] = [way === 'ReLU', way === 'masked'];
      const m = 7.5;
      const sums = new Float64Array(2 * c);
      for (let i = 0; i < size; i++) {
        if ((masked && !mask[position(i)]) || !passes(i, relu)) continue;
        sums[channel(i)]! += dy[i]!;
        sums[c + channel(i)]! += dy[i]! * (x[i]! - of(i)[0]);
      }
      const per = (value: (j: number, B: number, G: number) => number) =>
        Float64Array.from({ length: c }, (_, j) => {
          const B = sums[j]!;
          return value(j, B, sums[c + j]! - saved[c + j]! * B);
        });
      const r = (j: number) => saved[3 * c + j]!;
      const a = (j: number) => coefficients[c + j]!;
      const slope = per((j, _, G) => (-a(j) * r(j) ** 2 * G) / m);
      const intercept = per((j, B) => (-a(j) * B) / m - slope[j]! * saved[c + j]!);
      const loose = { rtol: 2e-5, atol: 2e-4 };
      kernelCase({
        inputs: { statistics: saved, dy, x, mask },
        updates: {
          coefficients: {
            start: coefficients,
            expected: [...coefficients.subarray(0, 3 * c), ...slope, ...intercept],
            ...loose,
          },
          dWeight: {
            start: new Float32Array(c).fill(1),
            expected: per((j, _, G) => 1 + G * r(j)),
            ...loose,
          },
          dBias: { start: new Float32Array(c).fill(2), expected: per((_, B) => 2 + B), ...loose },
        },
        scratch: { scratch },
        structs,
        range: c,
        call(k, p, from, to) {
          const tensors = [p.coefficients, p.dy, p.x] as const;
          const range = [from, to, p.scratch] as const;
          if (masked) k.batchNormMaskedBackwardSums(...tensors, p.mask, p.shape, ...range);
          else k.batchNormBackwardSums(...tensors, p.shape, relu ? 1 : 0, ...range);
          const gradients = [p.dWeight, p.dBias, p.coefficients, p.statistics] as const;
          k.batchNormAffineBackward(...gradients, c, m, ...range);
        },
      });
    });
  }

  it('masked: y, dx and frozen dx, in pieces of samples, in place', () => {
    const whereMasked = (values: Float32Array) =>
      values.map((v, i) => (mask[position(i)] ? v : Number.NaN));
    const [hidden, upstream] = [whereMasked(x), whereMasked(dy)];
    kernelCase({
      inputs: { coefficients: coefficients.subarray(0, 3 * c), x: hidden, mask },
      outputs: {
        y: { expected: each(true, (i) => (x[i]! - of(i)[0]) * of(i)[1] + of(i)[2]), ...FEW },
      },
      structs,
      range: samples,
      inPlace: { y: 'x' },
      call: (k, { y, coefficients, x, mask, shape }, from, to) =>
        k.batchNormMaskedForward(y, coefficients, x, mask, shape, from, to),
    });
    for (const frozen of [false, true]) {
      kernelCase({
        inputs: { coefficients, dy: upstream, x: hidden, mask },
        outputs: {
          dx: {
            expected: each(true, (i) => {
              const [k, a, , p, q] = of(i);
              return dy[i]! * a + (frozen ? 0 : (x[i]! - k) * p + q);
            }),
            ...FEW,
          },
        },
        scratch: { scratch },
        structs,
        range: samples,
        inPlace: { dx: 'dy' },
        call(k, { dx, coefficients, dy, x, mask, shape, scratch }, from, to) {
          if (frozen) {
            k.batchNormMaskedFrozenBackward(dx, coefficients, dy, mask, shape, from, to, scratch);
          } else {
            k.batchNormMaskedBackward(dx, coefficients, dy, x, mask, shape, from, to, scratch);
          }
        },
      });
    }
  });
});
