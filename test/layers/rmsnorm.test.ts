import { describe, expect, it } from 'vitest';
import { Linear, RMSNorm, Sequential, Tensor } from '../../src/index.ts';
import { type Rows, rmsNorm, rmsNormGradients } from '../reference/rmsnorm.ts';
import { expectClose, type Tolerance } from '../support/close.ts';
import { runExamples } from '../support/examples.ts';
import { expectGradient } from '../support/gradient.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { scratchLength } from '../support/scratch.ts';

/** float32 sums of random terms: a few roundings of 6e-8 each on terms of size one. */
const SUMS = { scaled: 2e-6, atol: 2e-6 };

interface Problem extends Rows {
  x: Float32Array;
  dy: Float32Array;
}

/** The kernels, called in the order the layer calls them; dγ is added to 1. */
function run({ n, d, x, dy, weight, eps }: Problem) {
  const gamma = weight ?? new Float32Array(d).fill(1);
  const { values: forward } = kernelCase({
    inputs: { x, gamma },
    outputs: { y: { length: n * d }, invRms: { length: n } },
    range: { total: n, step: 1 },
    inPlace: { y: 'x' },
    call: (k, { y, invRms, x, gamma }, from, to) =>
      k.rmsNormForward(y, invRms, x, gamma, d, eps, from, to),
  });
  const length = scratchLength((k) => k.rmsNormScratch(n, d));
  const { values: backward } = kernelCase({
    inputs: { invRms: forward.invRms, dy, x, gamma },
    outputs: { dx: { length: n * d }, partial: { length } },
    range: { total: n, step: 256 },
    inPlace: { dx: 'dy' },
    call: (k, { dx, partial, invRms, dy, x, gamma }, from, to) =>
      k.rmsNormBackward(dx, partial, invRms, dy, x, gamma, d, from, to),
  });
  const { values: sums } = kernelCase({
    inputs: { partial: backward.partial },
    updates: { dWeight: { start: new Float32Array(d).fill(1) } },
    range: { total: d, step: 1 },
    call: (k, { dWeight, partial }, from, to) =>
      k.rmsNormAffineBackward(dWeight, partial, n, d, from, to),
  });
  return {
    y: forward.y,
    dx: backward.dx,
    dWeight: Float64Array.from(sums.dWeight, (v) => v - 1),
  };
}

function problem(seed: number, n: number, d: number): Problem {
  const random = new TestRandom(seed);
  const sd = random.uniforms(n, 0.5, 2);
  const x = Float32Array.from(
    { length: n * d },
    (_, i) => sd[Math.floor(i / d)]! * random.normal(),
  );
  // a row of one number: y is ±γ but for eps, and dx nearly cancels
  const eps = d < 3 ? 0.1 : 1e-6;
  return { n, d, x, dy: random.normals(n * d), weight: random.normals(d), eps };
}

function check(problem: Problem, tolerance: Tolerance = SUMS) {
  const { x, dy } = problem;
  const { y, dx, dWeight } = run(problem);
  expectClose(y, rmsNorm(x, problem), tolerance, 'y');
  const expected = rmsNormGradients(dy, x, problem);
  expectClose(dx, expected.dx, tolerance, 'dx');
  expectClose(dWeight, expected.dWeight, tolerance, 'dWeight');
}

describe('RMS norm kernels', () => {
  it('agree with float64 at the edges of lanes', () => {
    for (const d of [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100]) {
      for (const n of [1, 2, 3, 5, 21]) check(problem(100 * n + d, n, d));
    }
  });

  it('agree on rows longer than a run of sums, on many rows, far from 0', () => {
    check(problem(1, 3, 4099));
    check(problem(2, 2, 20_001));
    check(problem(3, 700, 9));
    const far = problem(4, 5, 768);
    check({ ...far, x: far.x.map((v) => 1e4 + v) });
  });

  it('give a row the same bits alone', () => {
    const whole = problem(7, 600, 13);
    const expected = run(whole);
    const row = (values: ArrayLike<number>, i: number) =>
      Float32Array.from(values).slice(i * 13, (i + 1) * 13);
    for (const i of [0, 255, 599]) {
      const alone = run({ ...whole, n: 1, x: row(whole.x, i), dy: row(whole.dy, i) });
      expect(alone.y).toEqual(row(expected.y, i));
      expect(alone.dx).toEqual(row(expected.dx, i));
    }
  });
});

describe('the float64 gradients', () => {
  it('are those of finite differences', () => {
    const random = new TestRandom(9);
    const rows = { n: 3, d: 5, weight: random.normals(5), eps: 1e-3 };
    const [x, dy] = [Float64Array.from(random.normals(15)), Float64Array.from(random.normals(15))];
    const { dx, dWeight } = rmsNormGradients(dy, x, rows);
    expectGradient({ gradient: dx, at: x, of: (x) => rmsNorm(x, rows), dy });
    expectGradient({
      ...{ gradient: dWeight, at: rows.weight, dy },
      of: (weight) => rmsNorm(x, { ...rows, weight }),
    });
  });
});

describe('RMSNorm', () => {
  const random = new TestRandom(10);
  const x = Tensor.from(random.normals(60), [4, 3, 5]);

  it("has PyTorch's options and state-dict keys", () => {
    using norm = new RMSNorm([3, 5]);
    expect(Object.keys(norm.stateDict())).toEqual(['weight']);
    expect(norm.stateDict().weight!.shape).toEqual([3, 5]);
    expect(norm.eps).toBe(2 ** -23);
    using bare = new RMSNorm(5, { elementwiseAffine: false });
    expect(Object.keys(bare.stateDict())).toEqual([]);
  });

  it('trains inside a model, its dx first or late', () => {
    using model = new Sequential(new RMSNorm(5), new Linear(5, 2), new RMSNorm(2));
    const dy = Tensor.from(random.normals(24), [4, 3, 2]);
    model.forward(x);
    const dx = model.backward(dy).toArray();
    using last = new RMSNorm(2);
    using linear = new Linear(5, 2);
    linear.loadStateDict(model.at(1).stateDict());
    using first = new RMSNorm(5);
    const h = first.forward(x).clone();
    const z = linear.forward(h).clone();
    last.forward(z);
    const dz = last.backward(dy).clone();
    const dh = linear.backward(dz).clone();
    expect(first.backward(dh).toArray()).toEqual(dx);
    expect(model.at<RMSNorm>(0).weight!.grad!.toArray()).toEqual(first.weight!.grad!.toArray());
  });

  it('gives a sample the same bits alone, in a batch, in training and in predict', () => {
    using norm = new RMSNorm([3, 5]);
    const whole = norm.forward(x).toArray();
    expect(norm.predict(x).toArray()).toEqual(whole);
    for (const i of [0, 3]) {
      const alone = { data: x.toArray().slice(i * 15, (i + 1) * 15), shape: [1, 3, 5] };
      expect(norm.predict(alone).toArray()).toEqual(whole.slice(i * 15, (i + 1) * 15));
    }
  });

  it('says what is wrong with its options and input', () => {
    expect(() => new RMSNorm(0)).toThrow(
      new RangeError('RMSNorm: normalizedShape expected a whole number ≥ 1, got 0'),
    );
    expect(() => new RMSNorm(4, { eps: -1 })).toThrow(
      new RangeError('RMSNorm(4): eps expected a number > 0, got -1'),
    );
    using norm = new RMSNorm([3, 5]);
    expect(() => norm.forward(Tensor.zeros([2, 5, 3]))).toThrow(
      new RangeError('RMSNorm([3, 5]): input expected [N, …, 3, 5], got [2, 5, 3]'),
    );
  });
});

it('docs/rmsnorm.md', async () => {
  const { norm } = await runExamples('docs/rmsnorm.md', { exported: ['norm'] });
  const tokens = { data: new Float32Array(2 * 768), shape: [2, 768] };
  expect(norm.predict(tokens).shape).toEqual([2, 768]);
});
