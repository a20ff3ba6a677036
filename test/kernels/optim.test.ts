import { describe, expect, it } from 'vitest';
import {
  AdamScalars,
  AdaptiveScalars,
  LionScalars,
  MomentumScalars,
  RMSpropScalars,
} from '../../src/generated/kernels.ts';
import {
  adagrad,
  adam,
  lion,
  nadam,
  type Options,
  radam,
  rmsprop,
  type State,
  type Step,
  sgd,
} from '../reference/optim.ts';
import { expectClose } from '../support/close.ts';
import { readGoldens } from '../support/goldens.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { struct } from '../support/struct.ts';

const SIZES = [1, 3, 4, 5, 15, 16, 17, 131];

/** An optimizer's kernel on one parameter, its state under PyTorch's names. */
class OneParameter {
  readonly state: Record<string, Float32Array> = {};
  w: Float32Array;
  private t = 0;

  constructor(
    private readonly name: string,
    private readonly options: Options,
    start: Float32Array,
  ) {
    this.w = start;
    const size = start.length;
    const moments: Record<string, unknown> =
      name === 'Lion'
        ? { exp_avg: 1 }
        : name === 'Adagrad'
          ? { sum: 1 }
          : name === 'SGD'
            ? { momentum_buffer: options.momentum }
            : name === 'RMSprop'
              ? { square_avg: 1, grad_avg: options.centered, momentum_buffer: options.momentum }
              : { exp_avg: 1, exp_avg_sq: 1, max_exp_avg_sq: options.amsgrad };
    for (const [key, used] of Object.entries(moments)) {
      if (used) this.state[key] = new Float32Array(size);
    }
    this.state.sum?.fill(options.initialAccumulatorValue ?? 0);
  }

  /** The scalars of `adaptiveStep`, each from its paper's equation. */
  private get adaptive(): AdaptiveScalars {
    const { t, name, options: o } = this;
    const { lr, eps = name === 'Adagrad' ? 1e-10 : 1e-8, weightDecay = 0 } = o;
    const [beta1, beta2] = o.betas ?? [0.9, 0.999];
    const decoupled = o.decoupledWeightDecay ?? false;
    const common = {
      ...{ beta1, beta2, gain: 1 - beta2, mean: 0, gradient: 0, root: 1, eps },
      weightDecay: decoupled ? 0 : weightDecay,
      shrink: decoupled ? 1 - lr * weightDecay : 1,
    };
    if (name === 'Adagrad') {
      const gradient = -lr / (1 + (t - 1) * (o.lrDecay ?? 0));
      return { ...common, beta1: 0, beta2: 1, gain: 1, gradient };
    }
    if (name === 'NAdam') {
      const mu = (s: number) => beta1 * (1 - 0.5 * 0.96 ** (s * (o.momentumDecay ?? 4e-3)));
      let product = 1;
      for (let s = 1; s <= t; s++) product *= mu(s);
      const mean = (-lr * mu(t + 1)) / (1 - product * mu(t + 1));
      const gradient = (-lr * (1 - mu(t))) / (1 - product);
      return { ...common, mean, gradient, root: 1 / Math.sqrt(1 - beta2 ** t) };
    }
    const most = 2 / (1 - beta2) - 1;
    const rho = most - (2 * t * beta2 ** t) / (1 - beta2 ** t);
    const mean = -lr / (1 - beta1 ** t);
    if (rho <= 5) return { ...common, mean, root: 0 };
    const r = Math.sqrt(((rho - 4) * (rho - 2) * most) / ((most - 4) * (most - 2) * rho));
    return { ...common, mean: mean * r * Math.sqrt(1 - beta2 ** t) };
  }

  step(given: Float32Array): void {
    this.t++;
    const { t, name, options: o } = this;
    // As the optimizers do it.
    const grad = o.maximize ? given.map((g) => -g) : given;
    const moment = (key: string) => this.state[key] && { start: this.state[key] };
    const decay = o.weightDecay ?? (name === 'AdamW' ? 0.01 : 0);
    const { momentum = 0, dampening = 0, alpha = 0.99, eps = 1e-8 } = o;
    const [beta1, beta2] = o.betas ?? [0.9, 0.999];
    const common = { lr: o.lr, weightDecay: decay };
    const nesterov = o.nesterov ? 1 : 0;
    const decoupled = name === 'AdamW' ? 1 : 0;
    const { values } = kernelCase({
      name: `${name}, step ${t}`,
      inputs: { grad },
      updates: {
        w: { start: this.w },
        ...{ exp_avg: moment('exp_avg'), exp_avg_sq: moment('exp_avg_sq') },
        ...{ max_exp_avg_sq: moment('max_exp_avg_sq'), momentum_buffer: moment('momentum_buffer') },
        sum: moment('sum'),
        ...{ square_avg: moment('square_avg'), grad_avg: moment('grad_avg') },
      },
      structs: {
        sgd: struct(MomentumScalars, { ...common, momentum, dampening, nesterov }),
        rmsprop: struct(RMSpropScalars, { ...common, alpha, eps, momentum }),
        adaptive: struct(AdaptiveScalars, this.adaptive),
        lion: struct(LionScalars, {
          ...common,
          ...{ beta1, beta2: o.betas?.[1] ?? 0.99 },
        }),
        adam: struct(AdamScalars, { ...common, beta1, beta2, eps, decoupled }),
      },
      range: grad.length,
      call(k, { w, grad, momentum_buffer: buffer, ...p }, from, to) {
        if (name === 'SGD' && !o.momentum) {
          k.sgdStep(w, grad, o.lr, decay, from, to);
        } else if (name === 'SGD') {
          k.sgdMomentumStep(w, buffer, grad, p.sgd, t === 1 ? 1 : 0, from, to);
        } else if (name === 'Lion') {
          k.lionStep(w, p.exp_avg, grad, p.lion, from, to);
        } else if (['NAdam', 'RAdam', 'Adagrad'].includes(name)) {
          const square = name === 'Adagrad' ? p.sum : p.exp_avg_sq;
          k.adaptiveStep(w, p.exp_avg, square, grad, p.adaptive, from, to);
        } else if (name === 'RMSprop') {
          k.rmspropStep(w, p.square_avg, p.grad_avg, buffer, grad, p.rmsprop, from, to);
        } else {
          const moments = [p.exp_avg, p.exp_avg_sq, p.max_exp_avg_sq] as const;
          k.adamStep(w, ...moments, grad, p.adam, t, from, to);
        }
      },
    });
    this.w = values.w as Float32Array;
    for (const key of Object.keys(this.state)) {
      this.state[key] = values[key as keyof typeof values] as Float32Array;
    }
  }
}

const references: Record<string, Step> = {
  SGD: sgd,
  Adam: adam,
  AdamW: (w, state, dw, t, options) =>
    adam(w, state, dw, t, { weightDecay: 0.01, ...options, decoupled: true }),
  RMSprop: rmsprop,
  NAdam: nadam,
  RAdam: radam,
  Adagrad: adagrad,
  Lion: lion,
};

/** PyTorch's option names to ours. */
function camelCase(options: Record<string, unknown>): Options {
  const camel = (name: string) =>
    name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  const named = Object.entries(options).map(([name, value]) => [camel(name), value]);
  return Object.fromEntries(named) as unknown as Options;
}

/** The configurations that PyTorch's answers are for (test/everywhere/ops/optim.ts). */
const [, ...cases] = readGoldens('optim');
const configurations = cases
  .filter((c) => c.after && c.state)
  .map((c) => ({ ...c, name: c.name as string, options: camelCase(c.options) }));

describe('optimizer kernels', () => {
  for (const { name, options } of configurations) {
    const title = `${name} ${JSON.stringify(options)}`;

    it(`${title} = reference at every size, whole or in ranges`, () => {
      for (const n of SIZES) {
        const random = new TestRandom(n);
        const start = random.normals(n);
        const grads = Array.from({ length: 8 }, () => random.normals(n));
        const subject = new OneParameter(name, options, start);
        const w = Float64Array.from(start);
        const state: State = {};
        grads.forEach((dw, step) => {
          subject.step(dw);
          references[name]!(w, state, dw, step + 1, options);
        });
        expectClose(subject.w, w, { rtol: 2e-6, scaled: 1e-6 }, `w, n = ${n}`);
        for (const [key, values] of Object.entries(subject.state)) {
          expectClose(values, state[key]!, { rtol: 1e-6, scaled: 1e-6 }, `${key}, n = ${n}`);
        }
      }
    });

    it(`${title}: an element's bits do not depend on its place`, () => {
      const random = new TestRandom(3);
      const start = random.normals(7);
      const dw = random.normals(7);
      const run = (offset: number) => {
        const subject = new OneParameter(name, options, start.subarray(offset));
        for (let step = 0; step < 3; step++) subject.step(dw.subarray(offset));
        return subject.w;
      };
      expect(run(5)).toEqual(run(0).slice(5));
    });

    it(`${title}: zeros stay zero, moments below 2⁻¹⁰⁰ become +0, NaN passes`, () => {
      const start = Float32Array.of(0, 1, 1, 1, 1);
      const subject = new OneParameter(name, { ...options, weightDecay: 0 }, start);
      subject.step(Float32Array.of(0, -1e-28, 1e-28, NaN, 1));
      expect(subject.w[0]).toBe(0);
      expect(subject.w[3]).toBeNaN();
      for (let step = 0; step < 400; step++) subject.step(new Float32Array(5));
      expect(subject.w[0]).toBe(0);
      for (const [key, values] of Object.entries(subject.state)) {
        const first = key === 'sum' ? Math.fround(options.initialAccumulatorValue ?? 0) : 0;
        expect(Object.is(values[0], first)).toBe(true);
        // Only a decay that is quick enough gets there within 400 steps.
        const quick = key === 'momentum_buffer' || key === 'exp_avg';
        if (quick) expect(Array.from(values.subarray(1, 3))).toEqual([0, 0]);
        for (const v of values)
          expect(v === 0 || Math.abs(v) >= 2 ** -100 || Number.isNaN(v)).toBe(true);
        expect(values[3]).toBeNaN();
      }
    });
  }
});

describe('gradient clipping kernels', () => {
  const sumOfSquares = (x: Float32Array, expected: number, rtol: number) =>
    kernelCase({
      inputs: { x },
      range: x.length,
      returns: { expected, rtol },
      call: (k, { x }, from, to) => k.sumOfSquares(x, from, to),
    });

  it('sumOfSquares at every size, in float64', () => {
    for (const n of [...SIZES, 2, 6, 7, 8, 9, 10_001]) {
      const x = new TestRandom(n).normals(n, 100);
      const expected = x.reduce((sum, v) => sum + v * v, 0);
      sumOfSquares(x, expected, 1e-13);
    }
  });

  it('sumOfSquares does not overflow float32', () => {
    sumOfSquares(Float32Array.of(1e30, -2e30, 2e30), 9e60, 1e-6);
  });

  it('scaleInPlace and clampInPlace at every size', () => {
    for (const n of SIZES) {
      const values = new TestRandom(n).normals(n);
      const scaled = values.map((v) => Math.fround(Math.fround(0.3) * v));
      kernelCase({
        updates: { x: { start: values, expected: scaled } },
        range: n,
        call: (k, { x }, from, to) => k.scaleInPlace(x, 0.3, from, to),
      });
      const start = values.slice().fill(NaN, n - 1);
      const expected = start.map((v) => Math.min(Math.max(v, -0.5), 0.5));
      kernelCase({
        updates: { x: { start, expected } },
        range: n,
        call: (k, { x }, from, to) => k.clampInPlace(x, 0.5, from, to),
      });
    }
  });
});

describe('weight averaging kernels', () => {
  it('emaUpdate, averageUpdate and exchange at every size', () => {
    for (const n of SIZES) {
      const random = new TestRandom(n);
      const start = random.normals(n);
      const data = random.normals(n);
      const expected = Float64Array.from(start, (e, i) => 0.99 * e + 0.01 * data[i]!);
      kernelCase({
        inputs: { data },
        updates: { average: { start, expected, rtol: 3e-7, atol: 1e-8 } },
        range: n,
        call: (k, { average, data }, from, to) => k.emaUpdate(average, data, 0.99, from, to),
      });
      const mean = Float64Array.from(start, (e, i) => e + (data[i]! - e) / 7);
      kernelCase({
        inputs: { data },
        updates: { average: { start, expected: mean, rtol: 3e-7, atol: 1e-7 } },
        range: n,
        call: (k, { average, data }, from, to) => k.averageUpdate(average, data, 7, from, to),
      });
      kernelCase({
        inputs: { data },
        updates: { average: { start: data, expected: data } },
        range: n,
        call: (k, { average, data }, from, to) => k.averageUpdate(average, data, 7, from, to),
      });
      kernelCase({
        updates: { a: { start, expected: data }, b: { start: data, expected: start } },
        range: n,
        call: (k, { a, b }, from, to) => k.exchange(a, b, from, to),
      });
    }
  });
});
