import { describe, expect, it } from 'vitest';
import type { Pointer } from '../src/generated/kernels.ts';
import * as reference from './reference/losses.ts';
import { expectClose } from './support/close.ts';
import { Arena, type Block } from './support/kernels.ts';
import { TestRandom } from './support/random.ts';

const NULL = 0 as Pointer;
const IGNORE = -100;

type Dims = readonly [number, number, number];

const shapes: Dims[] = [
  [1, 1, 1],
  [4, 3, 1],
  [5, 10, 1],
  [3, 16, 1],
  [2, 17, 1],
  [2, 3, 1],
  [2, 4, 5],
  [1, 5, 4],
  [3, 6, 3],
];

const options: reference.ClassOptions[] = [];
for (const smoothing of [0, 0.1]) {
  for (const weighted of [false, true]) {
    options.push(
      weighted ? { smoothing, weight: new TestRandom(4).uniforms(17, 0.1, 2) } : { smoothing },
    );
  }
}

describe('cross-entropy of classes', () => {
  for (const dims of shapes) {
    for (const { smoothing = 0, weight: weights } of options) {
      const name = `[${dims}]${smoothing ? ', smoothed' : ''}${weights ? ', weighted' : ''}`;
      it(name, () => {
        const [n, c, inner] = dims;
        const random = new TestRandom(n + c + inner);
        const arena = new Arena();
        const k = arena.kernels;
        const x = arena.f32(random.normals(n * c * inner, 0, 4));
        const labels = arena.i32(
          Array.from({ length: n * inner }, (_, i) => (i % 4 === 2 ? IGNORE : random.integer(c))),
        );
        const weight = weights && arena.f32((weights as Float32Array).subarray(0, c));
        const w = weight?.ptr ?? NULL;
        const expected = reference.crossEntropy(x.f32, labels.i32, dims, {
          smoothing,
          ...(weight && { weight: weight.f32 }),
        });
        const p = arena.f32(x.length, 1);
        const loss = k.crossEntropyForward(
          p.ptr,
          x.ptr,
          labels.ptr,
          w,
          c,
          inner,
          smoothing,
          IGNORE,
          0,
          n,
        );
        expectClose([loss], [expected.loss], { rtol: 1e-6, atol: 1e-7 }, 'loss');
        const sum = k.crossEntropyWeight(labels.ptr, w, IGNORE, 0, n * inner);
        expectClose([sum], [expected.weightSum], { rtol: 1e-12 }, 'weight');
        const dx = arena.f32(x.length, 3);
        const scale = -0.37;
        for (const out of [dx, p]) {
          k.crossEntropyBackward(
            out.ptr,
            p.ptr,
            labels.ptr,
            w,
            c,
            inner,
            smoothing,
            IGNORE,
            scale,
            0,
            n,
          );
        }
        const gradient = expected.gradient.map((g) => g * scale);
        expectClose(dx.f32, gradient, { rtol: 2e-6, atol: 4e-7 }, 'dx');
        expect(p.u8, 'in place').toEqual(dx.u8);
        arena.checkCanaries();
      });
    }
  }

  it('is stable at logits of ±1e4', () => {
    const dims: Dims = [4, 3, 1];
    const arena = new Arena();
    const x = arena.f32([1e4, -1e4, 0, -1e4, 1e4, 1e4, 1e4, 9999, 9998, -1e4, -1e4, -1e4]);
    const labels = arena.i32([1, 1, 2, 0]);
    const p = arena.f32(12);
    const k = arena.kernels;
    const expected = reference.crossEntropy(x.f32, labels.i32, dims);
    const loss = k.crossEntropyForward(p.ptr, x.ptr, labels.ptr, NULL, 3, 1, 0, IGNORE, 0, 4);
    expectClose([loss], [expected.loss], { rtol: 1e-7 }, 'loss');
    k.crossEntropyBackward(p.ptr, p.ptr, labels.ptr, NULL, 3, 1, 0, IGNORE, 1, 0, 4);
    expectClose(p.f32, expected.gradient, { rtol: 1e-6, atol: 2e-7 }, 'dx');
  });

  it('gives a position the same gradient alone and among others', () => {
    const arena = new Arena();
    const k = arena.kernels;
    const random = new TestRandom(8);
    const [n, c] = [7, 10];
    const x = arena.f32(random.normals(n * c, 0, 3));
    const labels = arena.i32(Array.from({ length: n }, () => random.integer(c)));
    const p = arena.f32(n * c);
    const run = (out: Block, from: Block, l: Block, rows: number): void => {
      k.crossEntropyForward(out.ptr, from.ptr, l.ptr, NULL, c, 1, 0.1, IGNORE, 0, rows);
      k.crossEntropyBackward(out.ptr, out.ptr, l.ptr, NULL, c, 1, 0.1, IGNORE, 0.25, 0, rows);
    };
    run(p, x, labels, n);
    for (let r = 0; r < n; r++) {
      const one = arena.f32(c);
      const row = arena.f32(x.f32.slice(r * c, (r + 1) * c));
      run(one, row, arena.i32([labels.i32[r]!]), 1);
      expect(one.u8).toEqual(p.u8.slice(r * c * 4, (r + 1) * c * 4));
    }
  });
});

describe('cross-entropy of probabilities', () => {
  for (const dims of shapes) {
    for (const { smoothing = 0, weight: weights } of options) {
      const name = `[${dims}]${smoothing ? ', smoothed' : ''}${weights ? ', weighted' : ''}`;
      it(name, () => {
        const [n, c, inner] = dims;
        const random = new TestRandom(n + c + inner);
        const arena = new Arena();
        const k = arena.kernels;
        const x = arena.f32(random.normals(n * c * inner, 0, 4));
        const t = arena.f32(random.uniforms(n * c * inner));
        const weight = weights && arena.f32((weights as Float32Array).subarray(0, c));
        const w = weight?.ptr ?? NULL;
        const expected = reference.crossEntropySoft(x.f32, t.f32, dims, {
          smoothing,
          ...(weight && { weight: weight.f32 }),
        });
        const p = arena.f32(x.length, 1);
        const loss = k.crossEntropySoftForward(p.ptr, x.ptr, t.ptr, w, c, inner, smoothing, 0, n);
        expectClose([loss], [expected.loss], { rtol: 1e-6 }, 'loss');
        const dx = arena.f32(x.length, 3);
        for (const out of [dx, p]) {
          k.crossEntropySoftBackward(out.ptr, p.ptr, t.ptr, w, c, inner, smoothing, 2.5, 0, n);
        }
        const gradient = expected.gradient.map((g) => g * 2.5);
        expectClose(dx.f32, gradient, { rtol: 2e-6, scaled: 1e-6 }, 'dx');
        expect(p.u8, 'in place').toEqual(dx.u8);
        arena.checkCanaries();
      });
    }
  }
});

interface Elementwise {
  name: string;
  term: reference.Term;
  forward(arena: Arena, x: Block, t: Block, from: number, to: number): number;
  backward(
    arena: Arena,
    dx: Block,
    x: Block,
    t: Block,
    scale: number,
    from: number,
    to: number,
  ): void;
  prediction?: [number, number];
  target: 'normal' | 'probability' | 'logProbability';
}

const elementwise: Elementwise[] = [
  {
    name: 'mse',
    term: reference.mse,
    target: 'normal',
    forward: ({ kernels }, x, t, from, to) => kernels.mseForward(x.ptr, t.ptr, from, to),
    backward: ({ kernels }, dx, x, t, scale, from, to) =>
      kernels.mseBackward(dx.ptr, x.ptr, t.ptr, scale, from, to),
  },
  {
    name: 'l1',
    term: reference.l1,
    target: 'normal',
    forward: ({ kernels }, x, t, from, to) => kernels.l1Forward(x.ptr, t.ptr, from, to),
    backward: ({ kernels }, dx, x, t, scale, from, to) =>
      kernels.l1Backward(dx.ptr, x.ptr, t.ptr, scale, from, to),
  },
  ...[1, 0.3].map(
    (delta): Elementwise => ({
      name: `huber, delta ${delta}`,
      term: reference.huber(delta),
      target: 'normal',
      forward: ({ kernels }, x, t, from, to) => kernels.huberForward(x.ptr, t.ptr, delta, from, to),
      backward: ({ kernels }, dx, x, t, scale, from, to) =>
        kernels.huberBackward(dx.ptr, x.ptr, t.ptr, delta, scale, from, to),
    }),
  ),
  ...[0, 1].map(
    (logTarget): Elementwise => ({
      name: `klDiv, logTarget ${logTarget}`,
      term: reference.klDiv(logTarget === 1),
      target: logTarget ? 'logProbability' : 'probability',
      forward: ({ kernels }, x, t, from, to) =>
        kernels.klDivForward(x.ptr, t.ptr, logTarget, from, to),
      backward: ({ kernels }, dx, _, t, scale, from, to) =>
        kernels.klDivBackward(dx.ptr, t.ptr, logTarget, scale, from, to),
    }),
  ),
];

describe.each(elementwise.map((l) => [l.name, l] as const))('%s', (_, loss) => {
  for (const size of [1, 3, 4, 5, 15, 16, 17, 1001]) {
    it(`agrees with float64 on ${size} elements, whole and in pieces`, () => {
      const random = new TestRandom(size);
      const arena = new Arena();
      const x = arena.f32(random.normals(size));
      const targets =
        loss.target === 'normal'
          ? random.normals(size)
          : loss.target === 'probability'
            ? random.uniforms(size).map((v, i) => (i % 5 === 3 ? 0 : v))
            : random.normals(size, -2);
      const t = arena.f32(targets);
      const dx = arena.f32(size, 1);
      const expected = reference.elementwise(x.f32, t.f32, loss.term);
      const value = loss.forward(arena, x, t, 0, size);
      expectClose([value], [expected.loss], { rtol: 1e-6, atol: 1e-6 }, 'loss');
      loss.backward(arena, dx, x, t, -0.7, 0, size);
      const gradient = expected.gradient.map((g) => -0.7 * g);
      expectClose(dx.f32, gradient, { rtol: 1e-6, atol: 1e-6 }, 'dx');

      if (size > 16) {
        const parts = loss.forward(arena, x, t, 0, 16) + loss.forward(arena, x, t, 16, size);
        expectClose([parts], [value], { rtol: 1e-12 }, 'loss in pieces');
        const pieces = arena.f32(size);
        loss.backward(arena, pieces, x, t, -0.7, 0, 16);
        loss.backward(arena, pieces, x, t, -0.7, 16, size);
        expect(pieces.u8).toEqual(dx.u8);
      }
      arena.checkCanaries();
    });
  }

  it('has the gradient that finite differences of its float64 reference give', () => {
    for (let x = -3.011; x < 3; x += 0.13) {
      const t = loss.target === 'normal' ? 0.4 : 0.35;
      const h = 1e-6;
      const difference = (loss.term(x + h, t, 0)[0] - loss.term(x - h, t, 0)[0]) / (2 * h);
      expect(Math.abs(loss.term(x, t, 0)[1] - difference)).toBeLessThan(1e-8);
    }
  });
});

describe('binary cross-entropy with logits', () => {
  for (const [rows, n] of [
    [1, 1],
    [1, 17],
    [3, 4],
    [5, 3],
    [4, 21],
  ] as const) {
    for (const weighted of [false, true]) {
      it(`[${rows}, ${n}]${weighted ? ', weighted' : ''}`, () => {
        const random = new TestRandom(rows * n);
        const arena = new Arena();
        const k = arena.kernels;
        const x = arena.f32(random.normals(rows * n, 0, 20));
        const t = arena.f32(random.uniforms(rows * n).map((v, i) => (i % 3 ? v : i % 2)));
        const weight = weighted ? arena.f32(random.uniforms(n, 0.5, 2)) : undefined;
        const positive = weighted ? arena.f32(random.uniforms(n, 0.5, 3)) : undefined;
        const [w, rho] = [weight?.ptr ?? NULL, positive?.ptr ?? NULL];
        const term = reference.bceWithLogits(weight?.f32, positive?.f32);
        const expected = reference.elementwise(x.f32, t.f32, term, n);
        const loss = k.bceWithLogitsForward(x.ptr, t.ptr, w, rho, n, 0, rows);
        expectClose([loss], [expected.loss], { rtol: 1e-6 }, 'loss');
        const dx = arena.f32(rows * n, 1);
        k.bceWithLogitsBackward(dx.ptr, x.ptr, t.ptr, w, rho, n, 0.5, 0, rows);
        const gradient = expected.gradient.map((g) => g / 2);
        expectClose(dx.f32, gradient, { rtol: 1e-6, atol: 5e-7 }, 'dx');
        arena.checkCanaries();
      });
    }
  }

  it('is finite and right at logits of ±1e4, and precise where σ(x) is small', () => {
    const arena = new Arena();
    const x = arena.f32([1e4, -1e4, 1e4, -1e4, -50, 30]);
    const t = arena.f32([1, 0, 0, 1, 0, 1]);
    const loss = arena.kernels.bceWithLogitsForward(x.ptr, t.ptr, NULL, NULL, 6, 0, 1);
    expectClose([loss], [2e4 + Math.exp(-50) + Math.exp(-30)], { rtol: 1e-7 }, 'loss');
    const one = arena.f32([-50]);
    const zero = arena.f32([0]);
    const small = arena.kernels.bceWithLogitsForward(one.ptr, zero.ptr, NULL, NULL, 1, 0, 1);
    expectClose([small], [Math.exp(-50)], { rtol: 1e-6 }, 'tail');
  });
});

describe('reference gradients of cross-entropy', () => {
  it.each(options)('agree with finite differences: %o', ({ smoothing = 0, weight }) => {
    const dims: Dims = [2, 4, 2];
    const random = new TestRandom(5);
    const x = Float64Array.from(random.normals(16));
    const labels = [1, IGNORE, 3, 0];
    const t = random.uniforms(16);
    const given = { smoothing, ...(weight && { weight }) };
    const runs = [
      (v: Float64Array) => reference.crossEntropy(v, labels, dims, given),
      (v: Float64Array) => reference.crossEntropySoft(v, t, dims, given),
    ];
    for (const run of runs) {
      const { gradient } = run(x);
      for (let i = 0; i < 16; i++) {
        const [up, down] = [x.slice(), x.slice()];
        up[i]! += 1e-5;
        down[i]! -= 1e-5;
        const difference = (run(up).loss - run(down).loss) / 2e-5;
        expect(Math.abs(difference - gradient[i]!)).toBeLessThan(1e-9);
      }
    }
  });
});
