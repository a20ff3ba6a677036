import { describe, expect, it } from 'vitest';
import { GroupNormShape } from '../../src/generated/kernels.ts';
import {
  Conv2d,
  GroupNorm,
  InstanceNorm1d,
  InstanceNorm2d,
  Sequential,
  Tensor,
} from '../../src/index.ts';
import { type Groups, groupNorm, groupNormGradients } from '../reference/groupnorm.ts';
import { expectClose, type Tolerance } from '../support/close.ts';
import { runExamples } from '../support/examples.ts';
import { expectGradient } from '../support/gradient.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { scratchLength } from '../support/scratch.ts';
import { struct } from '../support/struct.ts';

/** float32 sums of random terms: a few roundings of 6e-8 each on terms of size one. */
const SUMS = { scaled: 2e-6, atol: 2e-6 };

interface Problem extends Groups {
  x: Float32Array;
  dy: Float32Array;
}

/** The kernels, called in the order the layer calls them; dγ and dβ are added to 1 and 2. */
function run({ n, c, s, groups, x, dy, weight, bias, eps }: Problem) {
  const total = n * groups;
  const sizes = { samples: n, channels: c, plane: s, groups, eps };
  const structs = { shape: struct(GroupNormShape, sizes) };
  const { values: forward } = kernelCase({
    structs,
    inputs: { x, weight, bias },
    outputs: { y: { length: x.length }, statistics: { length: total * 4 } },
    range: { total, step: 1 },
    inPlace: { y: 'x' },
    call: (k, { y, statistics, x, weight, bias, shape }, from, to) =>
      k.groupNormForward(y, statistics, x, weight, bias, shape, from, to),
  });
  const { statistics } = forward;
  const { values: backward } = kernelCase({
    structs,
    inputs: { statistics, dy, x, weight },
    outputs: {
      dx: { length: x.length },
      partial: { length: scratchLength((k, of) => k.groupNormScratch(of(GroupNormShape, sizes))) },
    },
    range: { total, step: 1 },
    inPlace: { dx: 'dy' },
    call: (k, { dx, partial, statistics, dy, x, weight, shape }, from, to) =>
      k.groupNormBackward(dx, partial, statistics, dy, x, weight, shape, from, to),
  });
  const { values: sums } = kernelCase({
    structs,
    inputs: { partial: backward.partial },
    updates: {
      dWeight: { start: new Float32Array(c).fill(1) },
      dBias: { start: new Float32Array(c).fill(2) },
    },
    range: { total: c, step: 1 },
    call: (k, { dWeight, dBias, partial, shape }, from, to) =>
      k.groupNormAffineBackward(dWeight, dBias, partial, shape, from, to),
  });
  return {
    y: forward.y as Float32Array,
    dx: backward.dx as Float32Array,
    dWeight: Float64Array.from(sums.dWeight, (v) => v - 1),
    dBias: Float64Array.from(sums.dBias, (v) => v - 2),
    shift: statistics.filter((_, i) => i % 4 === 0),
    variance: statistics.filter((_, i) => i % 4 === 3),
  };
}

function problem(seed: number, n: number, c: number, s: number, groups: number): Problem {
  const random = new TestRandom(seed);
  const means = random.normals(n * c, 0, 2);
  const x = Float32Array.from(
    { length: n * c * s },
    (_, i) => means[Math.floor(i / s)]! + random.normal(),
  );
  const [weight, bias, dy] = [random.normals(c), random.normals(c), random.normals(x.length)];
  // two or three numbers a group: x̂ is ±1 but for eps, and dx nearly cancels
  const eps = (c / groups) * s < 4 ? 0.1 : 1e-5;
  return { n, c, s, groups, x, dy, weight, bias, eps };
}

function check(problem: Problem, tolerance: Tolerance = SUMS, what = '') {
  const { x, dy } = problem;
  const got = run(problem);
  expectClose(got.y, groupNorm(x, problem), tolerance, `${what} y`);
  const expected = groupNormGradients(dy, x, problem);
  expectClose(got.dx, expected.dx, tolerance, `${what} dx`);
  expectClose(got.dWeight, expected.dWeight, tolerance, `${what} dWeight`);
  expectClose(got.dBias, expected.dBias, tolerance, `${what} dBias`);
  return got;
}

describe('group norm kernels', () => {
  it('agree with float64 at the edges of lanes', () => {
    for (const s of [1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 19, 20, 21, 33, 49, 67]) {
      for (const [c, groups] of [
        [1, 1],
        [6, 1],
        [6, 2],
        [6, 6],
        [5, 5],
      ] as const) {
        if ((c / groups) * s > 1) check(problem(100 * s + c, 3, c, s, groups), SUMS, `${s} ${c}`);
      }
    }
  });

  it('agree with float64 at the edges of lanes where K is not 0', () => {
    for (const s of [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 18, 35]) {
      const far = problem(s, 2, 6, s, 2);
      for (let i = 0; i < far.x.length; i++) far.x[i]! += 1000;
      const { shift } = check(far, { scaled: 1e-5, atol: 1e-5 }, `${s}`);
      expect([...shift].every((k) => Math.abs(k - 1000) < 10)).toBe(true);
    }
  });

  it('agree on planes longer than a run of sums, and without γ or β', () => {
    check(problem(1, 2, 4, 4099, 2));
    check(problem(2, 1, 2, 20_001, 2));
    for (const absent of [{ weight: undefined }, { bias: undefined }]) {
      check({ ...problem(3, 3, 6, 10, 3), ...absent });
    }
  });

  it('hold to 1e-5 wherever the data lie', () => {
    const recipes: Record<string, (z: number, i: number) => number> = {
      'mean 1e4, sd 1': (z) => 1e4 + z,
      'mean −100, sd 0.01': (z) => -100 + 0.01 * z,
      'mean 1e4, the first 0': (z, i) => (i === 0 ? 0 : 1e4 + z),
      'mostly zero': (z) => Math.max(0, z - 2),
    };
    for (const [name, recipe] of Object.entries(recipes)) {
      for (const [c, s, groups] of [
        [8, 196, 2],
        [3, 49, 3],
        [4, 3001, 1],
      ] as const) {
        const random = new TestRandom(s + name.length);
        const m = (c / groups) * s;
        const x = Float32Array.from({ length: 2 * c * s }, (_, i) =>
          recipe(random.normal(), i % m),
        );
        check({ ...problem(s, 2, c, s, groups), x, eps: 1e-5 }, { scaled: 1e-5 }, name);
      }
    }
  });

  it('report the variance, and shift only groups far from 0', () => {
    const rows = problem(5, 2, 4, 25, 2);
    for (let j = 0; j < 50; j++) rows.x[50 + j]! += 1000;
    const { shift, variance } = check(rows, { scaled: 1e-5, atol: 1e-5 });
    expect([shift[0], shift[2], shift[3]]).toEqual([0, 0, 0]);
    expect(shift[1]).not.toBe(0);
    for (let i = 0; i < 4; i++) {
      const group = [...rows.x.subarray(i * 50, (i + 1) * 50)];
      const mean = group.reduce((a, b) => a + b) / 50;
      const expected = group.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 50;
      expect(Math.abs(variance[i]! / expected - 1)).toBeLessThan(1e-5);
    }
  });

  it('give a sample the same bits alone', () => {
    for (const offset of [0, 500]) {
      const whole = problem(7, 10, 6, 13, 3);
      whole.x = whole.x.map((v) => v + offset);
      const expected = run(whole);
      for (const i of [0, 9]) {
        const sample = (values: Float32Array) => values.slice(i * 78, (i + 1) * 78);
        const alone = run({ ...whole, n: 1, x: sample(whole.x), dy: sample(whole.dy) });
        expect(alone.y).toEqual(sample(expected.y));
        expect(alone.dx).toEqual(sample(expected.dx));
      }
    }
  });

  it("average instance norm's statistics over the samples", () => {
    for (const [n, c] of [
      [1, 1],
      [3, 5],
      [2, 16],
      [7, 33],
    ] as const) {
      const random = new TestRandom(n);
      const shifts = random.normals(n * c, 1e4, 1);
      const deltas = random.normals(n * c, 0, 1e-3);
      const variances = random.uniforms(n * c, 0.5, 2);
      const average = (of: (i: number) => number) =>
        Float64Array.from({ length: c }, (_, j) => {
          let sum = 0;
          for (let i = 0; i < n; i++) sum += of(i * c + j);
          return sum / n;
        });
      const statistics = Float32Array.from({ length: 4 * n * c }, (_, i) => {
        const at = Math.floor(i / 4);
        return [shifts[at]!, deltas[at]!, Number.NaN, variances[at]!][i % 4]!;
      });
      const { values } = kernelCase({
        inputs: { statistics },
        outputs: { averages: { length: 3 * c } },
        range: c,
        call: (k, { averages, statistics }, from, to) =>
          k.instanceNormAverages(averages, statistics, n, c, from, to),
      });
      const [shift, delta, variance] = [0, 1, 2].map((row) =>
        values.averages.slice(row * c, (row + 1) * c),
      );
      const expected = average((i) => variances[i]!);
      expectClose(variance!, expected, { rtol: 1e-7 }, 'variance');
      const means = Float64Array.from(shift!, (k, j) => k + delta![j]!);
      expectClose(
        means,
        average((i) => shifts[i]! + deltas[i]!),
        { rtol: 1e-12 },
        'mean',
      );
    }
  });

  it('keep NaN and infinity in their group', () => {
    for (const poison of [Number.NaN, Infinity]) {
      const rows = problem(8, 2, 4, 9, 2);
      const clean = run(rows);
      const sick = rows.x.slice();
      sick[20] = poison; // the second group of the first sample, [18, 36)
      const { y, dx } = run({ ...rows, x: sick });
      for (const [got, healthy] of [
        [y, clean.y],
        [dx, clean.dx],
      ] as const) {
        expect(got.subarray(0, 18)).toEqual(healthy.subarray(0, 18));
        expect(got.subarray(36)).toEqual(healthy.subarray(36));
        expect([...got.subarray(18, 36)].every(Number.isNaN)).toBe(true);
      }
    }
  });
});

describe('the float64 gradients', () => {
  it('are those of finite differences', () => {
    const random = new TestRandom(9);
    const shape = { n: 2, c: 4, s: 3, groups: 2, eps: 1e-3 };
    const rows = { ...shape, weight: random.normals(4), bias: random.normals(4) };
    const [x, dy] = [Float64Array.from(random.normals(24)), Float64Array.from(random.normals(24))];
    const { dx, dWeight, dBias } = groupNormGradients(dy, x, rows);
    expectGradient({ gradient: dx, at: x, of: (x) => groupNorm(x, rows), dy });
    expectGradient({
      ...{ gradient: dWeight, at: rows.weight, dy },
      of: (weight) => groupNorm(x, { ...rows, weight }),
    });
    expectGradient({
      ...{ gradient: dBias, at: rows.bias, dy },
      of: (bias) => groupNorm(x, { ...rows, bias }),
    });
  });
});

describe('GroupNorm and InstanceNorm', () => {
  const random = new TestRandom(10);
  const x = Tensor.from(random.normals(2 * 6 * 8), [2, 6, 8]);

  it("have PyTorch's state-dict keys and defaults", () => {
    const keys = (norm: GroupNorm | InstanceNorm1d) => {
      const names = Object.keys(norm.stateDict());
      norm.dispose();
      return names;
    };
    const tracked = ['running_mean', 'running_var', 'num_batches_tracked'];
    expect(keys(new GroupNorm(2, 6))).toEqual(['weight', 'bias']);
    expect(keys(new GroupNorm(2, 6, { affine: false }))).toEqual([]);
    expect(keys(new InstanceNorm1d(6))).toEqual([]);
    expect(keys(new InstanceNorm1d(6, { affine: true }))).toEqual(['weight', 'bias']);
    expect(keys(new InstanceNorm1d(6, { trackRunningStats: true }))).toEqual(tracked);
  });

  it('are one where groups have one channel, and layer norm where one group has all', () => {
    using groups = new GroupNorm(6, 6);
    using instance = new InstanceNorm1d(6, { affine: true });
    const y = groups.forward(x).toArray();
    expect(instance.forward(x).toArray()).toEqual(y);
    using wide = new InstanceNorm2d(6);
    const image = { data: x.toArray(), shape: [2, 6, 2, 4] };
    expect(wide.forward(image).toArray()).toEqual(y);
  });

  it('train inside a model, at its beginning and behind a convolution', () => {
    const affine = { affine: true };
    using model = new Sequential(
      new GroupNorm(3, 6),
      new Conv2d(6, 4, 3),
      new InstanceNorm2d(4, affine),
      new GroupNorm(2, 4),
    );
    const input = { data: random.normals(2 * 6 * 25), shape: [2, 6, 5, 5] };
    const dy = Tensor.from(random.normals(2 * 4 * 9), [2, 4, 3, 3]);
    const step = () => {
      model.forward(input);
      return model.backward(dy).toArray();
    };
    const dx = step();
    const first = model.at<GroupNorm>(0);
    const once = first.weight!.grad!.toArray();
    expect(once.some((v) => v !== 0)).toBe(true);
    expect(step()).toEqual(dx);
    expectClose(
      first.weight!.grad!.toArray(),
      once.map((v) => 2 * v),
      { scaled: 1e-6 },
    );
    first.freeze();
    expectClose(step(), dx, { scaled: 1e-6 }, 'dx of frozen parameters');
    expectClose(
      first.weight!.grad!.toArray(),
      once.map((v) => 2 * v),
      { scaled: 1e-6 },
    );
  });

  it('without positions work on rows, with γ and β or without', () => {
    const rows = { data: random.normals(300 * 12), shape: [300, 12] };
    const dy = { data: random.normals(300 * 12), shape: [300, 12] };
    for (const affine of [true, false]) {
      using norm = new GroupNorm(3, 12, { affine });
      const weight = affine ? random.normals(12) : undefined;
      if (weight) norm.weight!.assign(Tensor.from(weight, [12]));
      const shape = { n: 300, c: 12, s: 1, groups: 3, weight, eps: 1e-5 };
      expectClose(norm.forward(rows).toArray(), groupNorm(rows.data, shape), { scaled: 2e-6 });
      const expected = groupNormGradients(dy.data, rows.data, shape);
      expectClose(norm.backward(dy).toArray(), expected.dx, SUMS, 'dx');
      if (!affine) continue;
      expectClose(norm.weight!.grad!.toArray(), expected.dWeight, SUMS, 'dWeight');
      expectClose(norm.bias!.grad!.toArray(), expected.dBias, SUMS, 'dBias');
    }
  });

  it('give a sample the same bits alone, in a batch, in training and in predict', () => {
    for (const norm of [new GroupNorm(2, 6), new InstanceNorm1d(6)]) {
      const whole = norm.forward(x).toArray();
      expect(norm.predict(x).toArray()).toEqual(whole);
      const alone = { data: x.toArray().slice(48), shape: [1, 6, 8] };
      expect(norm.predict(alone).toArray()).toEqual(whole.slice(48));
      norm.dispose();
    }
  });

  it('with running statistics differentiate the forward that was, and start over', () => {
    using norm = new InstanceNorm1d(6, { trackRunningStats: true });
    const dy = Tensor.from(random.normals(96), [2, 6, 8]);
    norm.forward(x);
    const trained = norm.backward(dy).toArray();
    norm.forward(x);
    norm.eval();
    expect(norm.backward(dy).toArray()).toEqual(trained);
    const before = norm.stateDict();
    norm.forward(x);
    norm.predict(x);
    expect(norm.stateDict()).toEqual(before);
    norm.resetRunningStats();
    expect([...norm.runningMean!.data.toArray()]).toEqual(new Array(6).fill(0));
    expect([...norm.runningVar!.data.toArray()]).toEqual(new Array(6).fill(1));
  });

  it('say what is wrong with their options', () => {
    expect(() => new GroupNorm(4, 6)).toThrow(
      new RangeError('GroupNorm: numGroups expected a divisor of numChannels 6, got 4'),
    );
    expect(() => new GroupNorm(0, 6)).toThrow(
      new RangeError('GroupNorm: numGroups expected a whole number ≥ 1, got 0'),
    );
    expect(() => new GroupNorm(2, 6, { eps: 0 })).toThrow(
      new RangeError('GroupNorm(2, 6): eps expected a number > 0, got 0'),
    );
    expect(() => new InstanceNorm2d(1.5)).toThrow(RangeError);
    expect(() => new InstanceNorm2d(3, { momentum: 2 })).toThrow(
      new RangeError('InstanceNorm2d(3): momentum expected a number from 0 to 1, got 2'),
    );
    expect(() => new InstanceNorm2d(3, { momentum: null as never })).toThrow(TypeError);
    expect(() => new InstanceNorm2d(3, { eps: Infinity })).toThrow(RangeError);
  });

  it('say what is wrong with their input, and stay as they were', () => {
    using group = new GroupNorm(3, 6);
    expect(() => group.forward(Tensor.zeros([2, 8, 3]))).toThrow(
      new RangeError('GroupNorm(3, 6): input expected [N, 6, …], got [2, 8, 3]'),
    );
    using single = new GroupNorm(6, 6);
    expect(() => single.forward(Tensor.zeros([4, 6]))).toThrow(
      new RangeError(
        'GroupNorm(6, 6): statistics expected more than one value a group, got 1 in [4, 6]: ' +
          'use fewer groups',
      ),
    );
    using instance = new InstanceNorm2d(3);
    expect(() => instance.forward(Tensor.zeros([2, 3, 4]))).toThrow(
      new RangeError('InstanceNorm2d(3): input expected [N, 3, H, W], got [2, 3, 4]'),
    );
    const one = Tensor.zeros([2, 3, 1, 1]);
    for (const act of [() => instance.forward(one), () => instance.predict(one)]) {
      expect(act).toThrow(
        new RangeError(
          'InstanceNorm2d(3): statistics expected more than one value a channel and sample, got 1 ' +
            'in [2, 3, 1, 1]: use a larger input',
        ),
      );
    }
    using tracking = new InstanceNorm2d(3, { trackRunningStats: true });
    const before = tracking.stateDict();
    expect(() => tracking.forward(one)).toThrow(/or eval\(\) or predict\(\)/);
    expect(tracking.stateDict()).toEqual(before);
    expect(tracking.predict(one).shape).toEqual([2, 3, 1, 1]);
  });
});

it('docs/groupnorm.md', async () => {
  const { block, styled } = await runExamples('docs/groupnorm.md', {
    exported: ['block', 'styled'],
  });
  const image = { data: new Float32Array(2 * 3 * 64), shape: [2, 3, 8, 8] };
  expect(block.predict(image).shape).toEqual([2, 64, 6, 6]);
  expect(styled.predict(image).shape).toEqual([2, 3, 8, 8]);
});
