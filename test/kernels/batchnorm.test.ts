import { describe, expect, it } from 'vitest';
import { gradients, normalize, type Sizes, statistics } from '../reference/batchnorm.ts';
import { BatchNormRun, type Problem } from '../support/batchnorm.ts';
import { expectClose } from '../support/close.ts';
import { type GoldenTensor, readGoldens } from '../support/goldens.ts';
import { expectGradient } from '../support/gradient.ts';
import { Arena } from '../support/kernels.ts';
import { TestRandom } from '../support/random.ts';

/** float32 sums of random terms: a few roundings of 6e-8 each on terms of size one. */
const SUMS = { scaled: 2e-6, atol: 2e-6 };

/** Each channel with its own mean and spread, so that a mix-up of lanes shows. */
function data(random: TestRandom, { n, c, s }: Sizes): Float32Array {
  const mean = random.normals(c, 0, 2);
  const sd = random.uniforms(c, 0.5, 2);
  return Float32Array.from({ length: n * c * s }, (_, i) => {
    const j = Math.floor(i / s) % c;
    return mean[j]! + sd[j]! * random.normal();
  });
}

/** Runs both directions and holds everything against the float64 reference. */
function check(problem: Problem, seed: number): void {
  const random = new TestRandom(seed);
  const sizes = { ...problem, s: problem.s || 1 };
  const { weight, bias, eps = 1e-5, relu = false, running } = problem;
  const dy = random.normals(problem.x.length);
  const arena = new Arena();
  const run = new BatchNormRun(arena, problem);
  const y = run.forward();
  const used = running ?? statistics(problem.x, sizes);
  const affine = { weight, bias, eps, relu };
  if (!running) {
    expectClose(run.mean, used.mean, { scaled: 1e-7, rtol: 1e-6 }, 'mean');
    expectClose(run.row('variance'), used.variance, { rtol: 2e-6, atol: 1e-12 }, 'variance');
    const invStd = Float64Array.from(used.variance, (v) => 1 / Math.sqrt(v + eps));
    expectClose(run.row('invStd'), invStd, { rtol: 2e-6 }, 'invStd');
  }
  expectClose(y, normalize(problem.x, used, sizes, affine), { scaled: 2e-6 }, 'y');
  const { dx, dWeight, dBias } = run.backward(dy);
  const expected = gradients(dy, problem.x, used, sizes, affine, running !== undefined);
  expectClose(dx, expected.dx, SUMS, 'dx');
  expectClose(dWeight, expected.dWeight, SUMS, 'dWeight');
  expectClose(dBias, expected.dBias, SUMS, 'dBias');
  arena.checkCanaries();
}

const CHANNELS = [1, 2, 3, 4, 5, 15, 16, 17, 33];
const LAYOUTS = [
  {
    name: 'rows',
    extents: [
      [2, 0],
      [3, 0],
      [4, 0],
      [5, 0],
      [23, 0],
      [261, 0],
    ],
  },
  {
    name: 'planes',
    extents: [
      [2, 1],
      [1, 2],
      [1, 3],
      [3, 4],
      [2, 5],
      [2, 15],
      [3, 16],
      [1, 17],
      [2, 67],
    ],
  },
] as const;

describe('batch norm kernels', () => {
  for (const { name, extents } of LAYOUTS) {
    for (const relu of [false, true]) {
      it(`${name}${relu ? ' with ReLU' : ''}: statistics, y and gradients at the edges of lanes`, () => {
        for (const c of CHANNELS) {
          for (const [n, s] of extents) {
            const random = new TestRandom(1000 * n + 10 * s + c);
            const x = data(random, { n, c, s: s || 1 });
            const weight = random.normals(c);
            const bias = random.normals(c);
            // a batch of two: x̂ is ±1 but for eps, and dx nearly cancels
            check({ n, c, s, x, weight, bias, relu, eps: n * (s || 1) < 4 ? 0.1 : 1e-5 }, c);
          }
        }
      });

      it(`${name}${relu ? ' with ReLU' : ''}: running statistics in the place of the batch's`, () => {
        for (const c of [1, 3, 4, 17]) {
          for (const [n, s] of [...extents, [1, name === 'rows' ? 0 : 1]] as const) {
            const random = new TestRandom(77 * n + s + c);
            const x = data(random, { n, c, s: s || 1 });
            const running = { mean: random.normals(c), variance: random.uniforms(c, 0.2, 3) };
            check({ n, c, s, x, weight: random.normals(c), relu, running }, c);
          }
        }
      });
    }

    it(`${name}: γ or β or both absent`, () => {
      const [n, s] = extents[4]!;
      const random = new TestRandom(5);
      const x = data(random, { n, c: 6, s: s || 1 });
      check({ n, c: 6, s, x }, 1);
      check({ n, c: 6, s, x, weight: random.normals(6) }, 2);
      check({ n, c: 6, s, x, bias: random.normals(6), relu: true }, 3);
    });
  }

  it('more channels than one block of rows, more values than one run of sums', () => {
    const random = new TestRandom(3);
    const wide = { n: 9, c: 1037, s: 0 };
    check({ ...wide, x: data(random, { ...wide, s: 1 }), relu: true }, 4);
    const long = { n: 2, c: 3, s: 9001 };
    check({ ...long, x: data(random, long) }, 5);
    const tall = { n: 2049, c: 3, s: 0 };
    check({ ...tall, x: data(random, { ...tall, s: 1 }) }, 6);
  });

  it('gives the same bits however the channels and rows are cut into ranges', () => {
    for (const s of [0, 1, 6, 21]) {
      const random = new TestRandom(s + 1);
      const [n, c] = [70, 70];
      const x = data(random, { n, c, s: s || 1 });
      const dy = random.normals(x.length);
      const problem = {
        n,
        c,
        s,
        x,
        weight: random.normals(c),
        bias: random.normals(c),
        relu: true,
      };
      const whole = new BatchNormRun(new Arena(), problem);
      const cut = new BatchNormRun(new Arena(), { ...problem, cuts: [16, 48, 64] });
      expect(cut.forward()).toEqual(whole.forward());
      expect(cut.backward(dy)).toEqual(whole.backward(dy));
    }
  });

  it('writes y over x and dx over dy when told, with the same bits', () => {
    for (const s of [0, 7, 20]) {
      const random = new TestRandom(s);
      const [n, c] = [5, 7];
      const x = data(random, { n, c, s: s || 1 });
      const dy = random.normals(x.length);
      const running = { mean: random.normals(c), variance: random.uniforms(c, 0.2, 3) };
      const problem = { n, c, s, x, running };
      const apart = new BatchNormRun(new Arena(), problem);
      const inPlace = new BatchNormRun(new Arena(), { ...problem, inPlace: true });
      expect(inPlace.forward()).toEqual(apart.forward());
      inPlace.x.f32.set(x);
      expect(inPlace.backward(dy)).toEqual(apart.backward(dy));
      const trained = { n, c, s, x };
      const first = new BatchNormRun(new Arena(), trained);
      const second = new BatchNormRun(new Arena(), { ...trained, inPlace: true });
      expect(second.forward()).toEqual(first.forward());
    }
  });

  it('in evaluation gives a sample the same bits alone and in a batch of 100', () => {
    for (const s of [0, 9, 16]) {
      const random = new TestRandom(s);
      const [n, c] = [100, 19];
      const size = c * (s || 1);
      const x = data(random, { n, c, s: s || 1 });
      const running = { mean: random.normals(c), variance: random.uniforms(c, 0.2, 3) };
      const problem = { c, s, weight: random.normals(c), bias: random.normals(c), running };
      const batch = new BatchNormRun(new Arena(), { ...problem, n, x }).forward();
      for (const i of [0, 1, 57, 99]) {
        const one = x.slice(i * size, (i + 1) * size);
        const alone = new BatchNormRun(new Arena(), { ...problem, n: 1, x: one }).forward();
        expect(alone).toEqual(batch.slice(i * size, (i + 1) * size));
      }
    }
  });

  it('keeps NaN and infinity in their channel', () => {
    for (const s of [0, 5]) {
      for (const poison of [Number.NaN, Infinity, -Infinity]) {
        for (const where of [0, 3, 30]) {
          const random = new TestRandom(2);
          const [n, c] = [12, 9];
          const plane = s || 1;
          const x = data(random, { n, c, s: plane });
          const dy = random.normals(x.length);
          const sick = Float32Array.from(x);
          const channel = 6;
          sick[(where % n) * c * plane + channel * plane] = poison;
          const clean = new BatchNormRun(new Arena(), { n, c, s, x, relu: true });
          const dirty = new BatchNormRun(new Arena(), { n, c, s, x: sick, relu: true });
          const others = (values: Float32Array) =>
            values.filter((_, i) => Math.floor(i / plane) % c !== channel);
          const own = (values: Float32Array) =>
            values.filter((_, i) => Math.floor(i / plane) % c === channel);
          expect(others(dirty.forward())).toEqual(others(clean.forward()));
          expect(own(dirty.y.f32).every(Number.isNaN)).toBe(true);
          expect(others(dirty.backward(dy).dx)).toEqual(others(clean.backward(dy).dx));
          expect(dirty.mean[channel]).toBe(poison);
        }
      }
    }
  });

  it('a ReLU stops dy where y is 0 to begin with', () => {
    for (const s of [0, 5, 16]) {
      const random = new TestRandom(s);
      const x = data(random, { n: 6, c: 5, s: s || 1 });
      const zero = new Float32Array(5);
      check({ n: 6, c: 5, s, x, weight: zero, bias: zero, relu: true }, 1);
    }
  });

  it('the reference itself agrees with finite differences', () => {
    for (const frozen of [false, true]) {
      for (const relu of [false, true]) {
        const random = new TestRandom(31);
        const sizes = { n: 3, c: 3, s: 4 };
        const x = Float64Array.from(data(random, sizes));
        const dy = random.normals(x.length);
        const affine = {
          weight: Float64Array.from(random.normals(3)),
          bias: Float64Array.from(random.normals(3)),
          eps: 1e-3,
          relu,
        };
        const running = { mean: random.normals(3), variance: random.uniforms(3, 0.5, 2) };
        const used = (x: Float64Array) => (frozen ? running : statistics(x, sizes));
        const got = gradients(dy, x, used(x), sizes, affine, frozen);
        const common = { dy, scaled: 1e-7 };
        expectGradient({
          ...{ ...common, gradient: got.dx, at: x, what: 'dx' },
          of: (x) => normalize(x, used(x), sizes, affine),
        });
        expectGradient({
          ...{ ...common, gradient: got.dWeight, at: affine.weight, what: 'dWeight' },
          of: (weight) => normalize(x, used(x), sizes, { ...affine, weight }),
        });
        expectGradient({
          ...{ ...common, gradient: got.dBias, at: affine.bias, what: 'dBias' },
          of: (bias) => normalize(x, used(x), sizes, { ...affine, bias }),
        });
      }
    }
  });
});

describe('batch norm kernels against PyTorch', () => {
  for (const golden of readGoldens('batchnorm')) {
    it(golden.name, () => {
      const arena = new Arena();
      const weight = golden.weight?.data;
      const bias = golden.bias?.data;
      const mean = arena.f32(golden.runningMean.data);
      const variance = arena.f32(golden.runningVar.data);
      for (const step of golden.steps) {
        const shape: number[] = step.x.shape;
        const [n, c] = [shape[0]!, shape[1]!];
        const s = shape.length === 2 ? 0 : shape.slice(2).reduce((a, b) => a * b);
        const { eps, relu } = golden;
        const running =
          step.mode === 'eval'
            ? { mean: mean.f32.slice(), variance: variance.f32.slice() }
            : undefined;
        const run = new BatchNormRun(arena, {
          n,
          c,
          s,
          x: step.x.data,
          weight,
          bias,
          eps,
          relu,
          running,
        });
        expectClose(run.forward(), step.y.data, { scaled: 2e-6 }, 'y');
        const { dx, dWeight, dBias } = run.backward(step.dy.data);
        expectClose(dx, step.dx.data, SUMS, 'dx');
        if (weight) {
          expectClose(dWeight, step.dWeight.data, { scaled: 4e-6 }, 'dWeight');
          expectClose(dBias, step.dBias.data, { scaled: 4e-6 }, 'dBias');
        }
        if (step.mode === 'train') {
          const m = n * (s || 1);
          arena.kernels.batchNormUpdateRunning(
            mean.ptr,
            variance.ptr,
            run.statistics.ptr,
            c,
            m / (m - 1),
            golden.momentum ?? 1 / step.batches,
            0,
            c,
          );
        }
        expectStatistics(mean.f32, step.runningMean);
        expectStatistics(variance.f32, step.runningVar);
      }
      arena.checkCanaries();
    });
  }
});

function expectStatistics(actual: Float32Array, expected: GoldenTensor): void {
  expectClose(actual, expected.data, { rtol: 2e-6, atol: 2e-7 }, 'running statistics');
}
