import { describe, expect, it } from 'vitest';
import type { Pointer } from '../src/generated/kernels.ts';
import { adam, type Options, rmsprop, type State, type Step, sgd } from './reference/optim.ts';
import { expectClose } from './support/close.ts';
import { type GoldenTensor, readGoldens } from './support/goldens.ts';
import { Arena, type Block } from './support/kernels.ts';
import { TestRandom } from './support/random.ts';

const SIZES = [1, 3, 4, 5, 15, 16, 17, 131];
const NULL = 0 as Pointer;

/** An optimizer's kernel on one parameter, its state in blocks of PyTorch's names. */
class OneParameter {
  readonly state: Record<string, Block> = {};
  private t = 0;

  constructor(
    private readonly arena: Arena,
    private readonly name: string,
    private readonly options: Options,
    readonly w: Block,
    private readonly grad: Block,
  ) {}

  private slot(name: string, used: unknown): Pointer {
    if (!used) return NULL;
    return (this.state[name] ??= this.arena.f32(this.w.length)).ptr;
  }

  /** One step; `cut` splits it into two ranges. */
  step(cut = 0): void {
    this.t++;
    const n = this.w.length;
    this.range(cut, n);
    this.range(0, cut);
  }

  private range(from: number, to: number): void {
    if (from === to) return;
    const { kernels } = this.arena;
    const { w, grad, t, options: o } = this;
    const weightDecay = o.weightDecay ?? (this.name === 'AdamW' ? 0.01 : 0);
    if (this.name === 'SGD' && !o.momentum) {
      kernels.sgdStep(w.ptr, grad.ptr, o.lr, weightDecay, from, to);
    } else if (this.name === 'SGD') {
      const buffer = this.slot('momentum_buffer', true);
      const { momentum = 0, dampening = 0, nesterov = false } = o;
      kernels.sgdMomentumStep(
        ...([w.ptr, buffer, grad.ptr, o.lr, momentum, dampening] as const),
        ...([nesterov ? 1 : 0, weightDecay, t === 1 ? 1 : 0, from, to] as const),
      );
    } else if (this.name === 'RMSprop') {
      const states = [
        this.slot('square_avg', true),
        this.slot('grad_avg', o.centered),
        this.slot('momentum_buffer', o.momentum),
      ] as const;
      const { alpha = 0.99, eps = 1e-8, momentum = 0 } = o;
      kernels.rmspropStep(
        ...([w.ptr, ...states, grad.ptr, o.lr, alpha, eps] as const),
        ...([weightDecay, momentum, from, to] as const),
      );
    } else {
      const states = [
        this.slot('exp_avg', true),
        this.slot('exp_avg_sq', true),
        this.slot('max_exp_avg_sq', o.amsgrad),
      ] as const;
      const [beta1, beta2] = o.betas ?? [0.9, 0.999];
      kernels.adamStep(
        ...([w.ptr, ...states, grad.ptr, o.lr, beta1, beta2, o.eps ?? 1e-8] as const),
        ...([weightDecay, this.name === 'AdamW' ? 1 : 0, t, from, to] as const),
      );
    }
  }
}

const references: Record<string, Step> = {
  SGD: sgd,
  Adam: adam,
  AdamW: (w, state, dw, t, options) =>
    adam(w, state, dw, t, { weightDecay: 0.01, ...options, decoupled: true }),
  RMSprop: rmsprop,
};

/** PyTorch's option names to ours. */
function camelCase({ weight_decay, ...rest }: Record<string, unknown>): Options {
  return {
    ...rest,
    ...(weight_decay === undefined ? {} : { weightDecay: weight_decay }),
  } as Options;
}

const [given, ...cases] = readGoldens('optim');
const configurations = cases
  .filter((c) => c.after && c.state)
  .map((c) => ({ ...c, name: c.name as string, options: camelCase(c.options), golden: c }));

describe('optimizer kernels', () => {
  for (const { name, options, golden } of configurations) {
    const title = `${name} ${JSON.stringify(options)}`;

    it(`${title} = PyTorch over 25 steps`, () => {
      for (let k = 0; k < 2; k++) {
        const arena = new Arena();
        const w = arena.f32(given!.weights[k].data);
        const grad = arena.f32(w.length);
        const subject = new OneParameter(arena, name, options, w, grad);
        for (let step = 1; step <= 25; step++) {
          if (k === 1 && (step === 4 || step === 5)) continue;
          grad.f32.set(given!.grads[step - 1][k].data);
          subject.step();
          const shown = given!.shown.indexOf(step);
          if (shown >= 0) {
            const expected: GoldenTensor = golden.after[shown][k];
            expectClose(w.f32, expected.data, { scaled: 1e-6 }, `parameter ${k}, step ${step}`);
          }
        }
        for (const [key, block] of Object.entries(subject.state)) {
          expectClose(block.f32, golden.state[k][key].data, { scaled: 1e-6 }, key);
        }
        arena.checkCanaries();
      }
    });

    it(`${title} = reference at every size, whole or in ranges`, () => {
      for (const n of SIZES) {
        const random = new TestRandom(n);
        const arena = new Arena();
        const start = random.normals(n);
        const grads = Array.from({ length: 8 }, () => random.normals(n));
        const run = (cut: number) => {
          const grad = arena.f32(n);
          const subject = new OneParameter(arena, name, options, arena.f32(start), grad);
          for (const dw of grads) {
            grad.f32.set(dw);
            subject.step(cut);
          }
          expect(grad.f32).toEqual(grads.at(-1));
          return subject;
        };
        const whole = run(0);
        const parts = run(n & ~15);
        expect(parts.w.f32).toEqual(whole.w.f32);

        const w = Float64Array.from(start);
        const state: State = {};
        grads.forEach((dw, step) => {
          references[name]!(w, state, dw, step + 1, options);
        });
        expectClose(whole.w.f32, w, { rtol: 2e-6, scaled: 1e-6 }, `w, n = ${n}`);
        for (const [key, block] of Object.entries(whole.state)) {
          expect(parts.state[key]!.f32).toEqual(block.f32);
          expectClose(block.f32, state[key]!, { rtol: 1e-6, scaled: 1e-6 }, `${key}, n = ${n}`);
        }
        arena.checkCanaries();
      }
    });

    it(`${title}: an element's bits do not depend on its place`, () => {
      const random = new TestRandom(3);
      const start = random.normals(7);
      const dw = random.normals(7);
      const run = (offset: number) => {
        const arena = new Arena();
        const w = arena.f32(start.subarray(offset));
        const subject = new OneParameter(arena, name, options, w, arena.f32(dw.subarray(offset)));
        for (let step = 0; step < 3; step++) subject.step();
        return w.f32;
      };
      expect(run(5)).toEqual(run(0).slice(5));
    });

    it(`${title}: zero padding stays zero, moments below 2⁻¹⁰⁰ become +0, NaN passes`, () => {
      const arena = new Arena();
      const w = arena.f32([0, 1, 1, 1, 1]);
      const grad = arena.f32([0, -1e-28, 1e-28, NaN, 1]);
      const subject = new OneParameter(arena, name, { ...options, weightDecay: 0 }, w, grad);
      subject.step();
      expect(w.f32[0]).toBe(0);
      expect(w.f32[3]).toBeNaN();
      grad.f32.fill(0);
      for (let step = 0; step < 400; step++) subject.step();
      expect(w.f32[0]).toBe(0);
      for (const [key, { f32 }] of Object.entries(subject.state)) {
        expect(Object.is(f32[0], 0)).toBe(true);
        // Only a decay that is quick enough gets there within 400 steps.
        const quick = key === 'momentum_buffer' || key === 'exp_avg';
        if (quick) expect(Array.from(f32.subarray(1, 3))).toEqual([0, 0]);
        for (const v of f32)
          expect(v === 0 || Math.abs(v) >= 2 ** -100 || Number.isNaN(v)).toBe(true);
        expect(f32[3]).toBeNaN();
      }
    });
  }
});

describe('gradient clipping kernels', () => {
  it('sumOfSquares at every size, in float64', () => {
    for (const n of [...SIZES, 2, 6, 7, 8, 9, 10_001]) {
      const arena = new Arena();
      const x = arena.f32(new TestRandom(n).normals(n, 100));
      const expected = x.f32.reduce((sum, v) => sum + v * v, 0);
      expectClose([arena.kernels.sumOfSquares(x.ptr, 0, n)], [expected], { rtol: 1e-13 }, `n=${n}`);
    }
  });

  it('sumOfSquares does not overflow float32', () => {
    const arena = new Arena();
    const x = arena.f32([1e30, -2e30, 2e30]);
    expectClose([arena.kernels.sumOfSquares(x.ptr, 0, 3)], [9e60], { rtol: 1e-6 });
  });

  it('scaleInPlace and clampInPlace at every size', () => {
    for (const n of SIZES) {
      const arena = new Arena();
      const values = new TestRandom(n).normals(n);
      const x = arena.f32(values);
      arena.kernels.scaleInPlace(x.ptr, 0.3, 0, n);
      expect(x.f32).toEqual(values.map((v) => Math.fround(Math.fround(0.3) * v)));
      x.f32.set(values);
      x.f32[n - 1] = NaN;
      arena.kernels.clampInPlace(x.ptr, 0.5, 0, n);
      const expected = values.map((v) => Math.min(Math.max(v, -0.5), 0.5));
      expected[n - 1] = NaN;
      expect(x.f32).toEqual(expected);
      arena.checkCanaries();
    }
  });
});

describe('weight averaging kernels', () => {
  it('emaUpdate and exchange at every size', () => {
    for (const n of SIZES) {
      const random = new TestRandom(n);
      const arena = new Arena();
      const first = random.normals(n);
      const average = arena.f32(first);
      const data = arena.f32(random.normals(n));
      arena.kernels.emaUpdate(average.ptr, data.ptr, 0.99, 0, n);
      const expected = Float64Array.from(first, (e, i) => 0.99 * e + 0.01 * data.f32[i]!);
      expectClose(average.f32, expected, { rtol: 3e-7, atol: 1e-8 }, 'e');

      const [a, b] = [average.f32.slice(), data.f32.slice()];
      arena.kernels.exchange(average.ptr, data.ptr, 0, n);
      expect(average.f32).toEqual(b);
      expect(data.f32).toEqual(a);
      arena.checkCanaries();
    }
  });
});
