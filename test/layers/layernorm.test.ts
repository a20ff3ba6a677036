import { describe, expect, it } from 'vitest';
import { LayerNormShape } from '../../src/generated/kernels.ts';
import { LayerNorm, Linear, memoryUsage, Sequential, Tensor } from '../../src/index.ts';
import { layerNorm, layerNormGradients, type Rows } from '../reference/layernorm.ts';
import { expectClose, type Tolerance } from '../support/close.ts';
import { runExamples } from '../support/examples.ts';
import { expectGradient } from '../support/gradient.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { scratchLength } from '../support/scratch.ts';
import { struct } from '../support/struct.ts';

/** float32 sums of random terms: a few roundings of 6e-8 each on terms of size one. */
const SUMS = { scaled: 2e-6, atol: 2e-6 };

interface Problem extends Rows {
  x: Float32Array;
  dy: Float32Array;
  /** Rows of a sample, each with its own γ and β. n counts samples. */
  groups?: number;
}

/** The kernels, called in the order the layer calls them; dγ and dβ are added to 1 and 2. */
function run({ n, d, x, dy, weight, bias, eps, groups = 1 }: Problem) {
  const columns = groups * d;
  const gamma = weight ?? new Float32Array(columns).fill(1);
  const beta = bias ?? new Float32Array(columns);
  const sizes = { samples: n, groups, d, eps };
  const structs = { shape: struct(LayerNormShape, sizes) };
  const { values: forward } = kernelCase({
    structs,
    inputs: { x, gamma, beta },
    outputs: { y: { length: n * columns }, statistics: { length: n * groups * 4 } },
    range: { total: n, step: 1 },
    inPlace: { y: 'x' },
    call: (k, { y, statistics, x, gamma, beta, shape }, from, to) =>
      k.layerNormForward(y, statistics, x, gamma, beta, shape, from, to),
  });
  const { statistics } = forward;
  const { values: backward } = kernelCase({
    structs,
    inputs: { statistics, dy, x, gamma },
    outputs: {
      dx: { length: n * columns },
      partial: { length: scratchLength((k, of) => k.layerNormScratch(of(LayerNormShape, sizes))) },
    },
    range: { total: n, step: 256 },
    inPlace: { dx: 'dy' },
    call: (k, { dx, partial, statistics, dy, x, gamma, shape }, from, to) =>
      k.layerNormBackward(dx, partial, statistics, dy, x, gamma, shape, from, to),
  });
  const { values: sums } = kernelCase({
    structs,
    inputs: { partial: backward.partial },
    updates: {
      dWeight: { start: new Float32Array(columns).fill(1) },
      dBias: { start: new Float32Array(columns).fill(2) },
    },
    range: { total: columns, step: 1 },
    call: (k, { dWeight, dBias, partial, shape }, from, to) =>
      k.layerNormAffineBackward(dWeight, dBias, partial, shape, from, to),
  });
  return {
    y: forward.y as Float32Array,
    dx: backward.dx as Float32Array,
    dWeight: Float64Array.from(sums.dWeight, (v) => v - 1),
    dBias: Float64Array.from(sums.dBias, (v) => v - 2),
    shift: statistics.filter((_, i) => i % 4 === 0),
  };
}

function problem(seed: number, n: number, d: number, mean = 0, sd = 1): Problem {
  const random = new TestRandom(seed);
  const means = random.normals(n, mean, sd);
  const x = Float32Array.from(
    { length: n * d },
    (_, i) => means[Math.floor(i / d)]! + sd * random.normal(),
  );
  const dy = random.normals(n * d);
  // rows of one or two numbers: x̂ is 0 or ±1 but for eps, and dx nearly cancels
  const eps = d < 4 ? 0.1 : 1e-5;
  return { n, d, x, dy, weight: random.normals(d), bias: random.normals(d), eps };
}

function check(problem: Problem, tolerance: Tolerance = SUMS, what = '') {
  const { x, dy } = problem;
  const got = run(problem);
  expectClose(got.y, layerNorm(x, problem), tolerance, `${what} y`);
  const expected = layerNormGradients(dy, x, problem);
  expectClose(got.dx, expected.dx, tolerance, `${what} dx`);
  expectClose(got.dWeight, expected.dWeight, tolerance, `${what} dWeight`);
  expectClose(got.dBias, expected.dBias, tolerance, `${what} dBias`);
  return got;
}

describe('layer norm kernels', () => {
  it('agree with float64 at the edges of lanes', () => {
    for (const d of [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100]) {
      for (const n of [1, 2, 3, 5, 21]) check(problem(100 * n + d, n, d));
    }
  });

  it('agree on rows longer than a run of sums, and on more rows than one', () => {
    check(problem(1, 3, 4099));
    check(problem(2, 2, 20_001));
    check(problem(3, 257, 6));
    check(problem(4, 700, 9));
  });

  it('hold to 1e-5 wherever the data lie', () => {
    const recipes: Record<string, (z: number, i: number) => number> = {
      'mean 3.9, sd 1': (z) => 3.9 + z,
      'mean 1e4, sd 1': (z) => 1e4 + z,
      'mean −100, sd 0.01': (z) => -100 + 0.01 * z,
      'mean 1e6, sd 100': (z) => 1e6 + 100 * z,
      'mean 1e4, the first 0': (z, i) => (i === 0 ? 0 : 1e4 + z),
      'mean 1e4, a quarter 30 off': (z, i) => 1e4 + z + (i % 4 === 0 ? 30 : 0),
      'one of 1e8': (z, i) => (i === 5 ? 1e8 : z),
      rising: (z, i) => 1e3 + i / 100 + 0.01 * z,
      'mostly zero': (z) => Math.max(0, z - 2),
    };
    for (const [name, recipe] of Object.entries(recipes)) {
      for (const d of [768, 100, 3001]) {
        const random = new TestRandom(d + name.length);
        const x = Float32Array.from({ length: 5 * d }, (_, i) => recipe(random.normal(), i % d));
        const rows = { ...problem(d, 5, d), x, eps: 1e-5 };
        check(rows, { scaled: 1e-5 }, name);
      }
    }
  });

  it('shift a row by its own mean, and only where that is far from 0', () => {
    const rows = problem(5, 4, 50);
    for (let j = 0; j < 50; j++) rows.x[100 + j]! += 1000;
    const { shift } = check(rows, { scaled: 1e-5, atol: 1e-5 });
    expect([shift[0], shift[1], shift[3]]).toEqual([0, 0, 0]);
    expect(Math.abs(shift[2]! - 1000)).toBeLessThan(5);
  });

  it('give a constant row β, and end on numbers too small to have a mean', () => {
    const constant = { ...problem(6, 2, 11), x: new Float32Array(22).fill(12345.678) };
    const { y } = run(constant);
    expect(y).toEqual(Float32Array.from({ length: 22 }, (_, i) => constant.bias![i % 11]!));
    const tiny = new Float32Array(22);
    tiny[0] = 1.4e-45;
    expect(run({ ...constant, x: tiny }).y).toEqual(y);
  });

  it('give a row the same bits alone', () => {
    for (const mean of [0, 500]) {
      const whole = problem(7, 600, 13, mean);
      const expected = run(whole);
      for (const i of [0, 1, 255, 599]) {
        const row = (values: Float32Array) => values.slice(i * 13, (i + 1) * 13);
        const alone = run({ ...whole, n: 1, x: row(whole.x), dy: row(whole.dy) });
        expect(alone.y).toEqual(row(expected.y));
        expect(alone.dx).toEqual(row(expected.dx));
      }
    }
  });

  it('give each group of a sample the same bits as its rows alone', () => {
    const random = new TestRandom(11);
    const [groups, d, n] = [3, 7, 600];
    const whole = problem(12, n * groups, d);
    // The second group is far from 0.
    for (let i = 0; i < whole.x.length; i++)
      if (Math.floor(i / d) % groups === 1) whole.x[i]! += 500;
    const [weight, bias] = [random.normals(groups * d), random.normals(groups * d)];
    const got = run({ ...whole, n, groups, weight, bias });
    for (let g = 0; g < groups; g++) {
      const rows = (values: Float32Array) =>
        values.filter((_, i) => Math.floor(i / d) % groups === g);
      const alone = run({
        ...{ ...whole, n, x: rows(whole.x), dy: rows(whole.dy) },
        weight: rows(weight),
        bias: rows(bias),
      });
      expect(rows(got.y)).toEqual(alone.y);
      expect(rows(got.dx)).toEqual(alone.dx);
      for (const sums of ['dWeight', 'dBias'] as const) {
        expect(got[sums].slice(g * d, (g + 1) * d)).toEqual(alone[sums]);
      }
    }
  });

  it('keep NaN and infinity in their row', () => {
    for (const poison of [Number.NaN, Infinity, -Infinity]) {
      const rows = problem(8, 3, 10);
      const clean = run(rows);
      const sick = rows.x.slice();
      sick[14] = poison;
      const { y, dx } = run({ ...rows, x: sick });
      for (const [got, healthy] of [
        [y, clean.y],
        [dx, clean.dx],
      ] as const) {
        expect(got.subarray(0, 10)).toEqual(healthy.subarray(0, 10));
        expect(got.subarray(20)).toEqual(healthy.subarray(20));
        expect([...got.subarray(10, 20)].every(Number.isNaN)).toBe(true);
      }
    }
  });
});

describe('the float64 gradients', () => {
  it('are those of finite differences', () => {
    const random = new TestRandom(9);
    const rows = { n: 3, d: 5, weight: random.normals(5), bias: random.normals(5), eps: 1e-3 };
    const [x, dy] = [Float64Array.from(random.normals(15)), Float64Array.from(random.normals(15))];
    const { dx, dWeight, dBias } = layerNormGradients(dy, x, rows);
    expectGradient({ gradient: dx, at: x, of: (x) => layerNorm(x, rows), dy });
    expectGradient({
      ...{ gradient: dWeight, at: rows.weight, dy },
      of: (weight) => layerNorm(x, { ...rows, weight }),
    });
    expectGradient({
      ...{ gradient: dBias, at: rows.bias, dy },
      of: (bias) => layerNorm(x, { ...rows, bias }),
    });
  });
});

describe('LayerNorm', () => {
  const random = new TestRandom(10);
  const x = Tensor.from(random.normals(60), [4, 3, 5]);
  const dy = Tensor.from(random.normals(60), [4, 3, 5]);

  it("has PyTorch's state-dict keys, and only those its options ask for", () => {
    const keys = (options: object) => {
      using norm = new LayerNorm([3, 5], options);
      return Object.keys(norm.stateDict());
    };
    expect(keys({})).toEqual(['weight', 'bias']);
    expect(keys({ bias: false })).toEqual(['weight']);
    expect(keys({ elementwiseAffine: false })).toEqual([]);
    using norm = new LayerNorm([3, 5]);
    const { weight, bias } = norm.stateDict();
    expect([weight!.shape, bias!.shape]).toEqual([
      [3, 5],
      [3, 5],
    ]);
    expect([...weight!.toArray()]).toEqual(new Array(15).fill(1));
    expect([...bias!.toArray()]).toEqual(new Array(15).fill(0));
  });

  it('without γ or without β computes as if it were 1 or 0', () => {
    for (const options of [{ bias: false }, { elementwiseAffine: false }]) {
      using norm = new LayerNorm(5, options);
      const weight = norm.weight && random.normals(5);
      if (weight) norm.weight!.assign(Tensor.from(weight, [5]));
      const rows = { n: 12, d: 5, weight, eps: 1e-5 };
      expectClose(norm.forward(x).toArray(), layerNorm(x.toArray(), rows), { scaled: 2e-6 }, 'y');
      const expected = layerNormGradients(dy.toArray(), x.toArray(), rows);
      expectClose(norm.backward(dy).toArray(), expected.dx, SUMS, 'dx');
      if (weight) expectClose(norm.weight!.grad!.toArray(), expected.dWeight, SUMS, 'dWeight');
    }
  });

  it('inside a model: gradients add up, a frozen γ gets none, dx of the first layer comes late', () => {
    using model = new Sequential(new LayerNorm(5), new Linear(5, 2), new LayerNorm(2));
    const up = Tensor.from(random.normals(24), [4, 3, 2]);
    const norm = model.at<LayerNorm>(0);
    const step = () => {
      model.forward(x);
      return model.backward(up).toArray();
    };
    const dx = step();
    const once = norm.weight!.grad!.toArray();
    expect(step()).toEqual(dx);
    expectClose(
      norm.weight!.grad!.toArray(),
      once.map((v) => 2 * v),
      { scaled: 1e-6 },
    );
    norm.freeze();
    for (const parameter of model.parameters()) parameter.zeroGrad();
    expectClose(step(), dx, { scaled: 1e-6 }, 'dx');
    expect([...norm.weight!.grad!.toArray()]).toEqual([0, 0, 0, 0, 0]);
  });

  it('gives a sample the same bits alone, in a batch, in training and in predict', () => {
    using norm = new LayerNorm([3, 5]);
    const whole = norm.forward(x).toArray();
    expect(norm.predict(x).toArray()).toEqual(whole);
    for (const i of [0, 3]) {
      const alone = { data: x.toArray().slice(i * 15, (i + 1) * 15), shape: [1, 3, 5] };
      expect(norm.predict(alone).toArray()).toEqual(whole.slice(i * 15, (i + 1) * 15));
    }
  });

  it('takes no memory after its first step', () => {
    using norm = new LayerNorm(5);
    const step = () => {
      norm.forward(x);
      norm.backward(dy).toArray();
    };
    step();
    const { used } = memoryUsage();
    for (let i = 0; i < 5; i++) step();
    expect(memoryUsage().used).toBe(used);
  });

  it('says what is wrong with its options', () => {
    expect(() => new LayerNorm(0)).toThrow(
      new RangeError('LayerNorm: normalizedShape expected a whole number ≥ 1, got 0'),
    );
    expect(() => new LayerNorm([])).toThrow(
      new RangeError('LayerNorm: normalizedShape expected one extent or more, got []'),
    );
    expect(() => new LayerNorm([4, 1.5])).toThrow(RangeError);
    expect(() => new LayerNorm('4' as never)).toThrow(TypeError);
    expect(() => new LayerNorm(4, { eps: 0 })).toThrow(
      new RangeError('LayerNorm(4): eps expected a number > 0, got 0'),
    );
    expect(() => new LayerNorm(4, { eps: Number.NaN })).toThrow(RangeError);
  });

  it('says what is wrong with its input', () => {
    using norm = new LayerNorm([3, 5]);
    expect(() => norm.forward(Tensor.zeros([2, 5, 3]))).toThrow(
      new RangeError('LayerNorm([3, 5]): input expected [N, …, 3, 5], got [2, 5, 3]'),
    );
    expect(() => norm.forward(Tensor.zeros([5]))).toThrow(RangeError);
    using one = new LayerNorm(4);
    expect(() => one.forward(Tensor.zeros([]))).toThrow(
      new RangeError('LayerNorm(4): input expected [N, …, 4], got []'),
    );
  });
});

it('docs/layernorm.md', async () => {
  const { norm, image } = await runExamples('docs/layernorm.md', { exported: ['norm', 'image'] });
  const tokens = { data: new Float32Array(2 * 768), shape: [2, 768] };
  expect(norm.predict(tokens).shape).toEqual([2, 768]);
  expect(Object.keys(image.stateDict())).toEqual(['weight']);
});
