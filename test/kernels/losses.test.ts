import { describe, expect, it } from 'vitest';
import { CrossEntropyShape, type Kernels, type Pointer } from '../../src/generated/kernels.ts';
import * as reference from '../reference/losses.ts';
import { expectClose } from '../support/close.ts';
import { expectGradient } from '../support/gradient.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { struct } from '../support/struct.ts';

const NULL = 0 as Pointer;
const IGNORE = -100;

type Dims = readonly [number, number, number];

const shapeOf = (c: number, inner: number, smoothing = 0) =>
  struct(CrossEntropyShape, { c, inner, ignoreIndex: IGNORE, smoothing });

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
        const x = random.normals(n * c * inner, 0, 4);
        const labels = Int32Array.from({ length: n * inner }, (_, i) =>
          i % 4 === 2 ? IGNORE : random.integer(c),
        );
        const weight = weights && (weights as Float32Array).slice(0, c);
        const expected = reference.crossEntropy(x, labels, dims, {
          smoothing,
          ...(weight && { weight }),
        });
        const range = { total: n, step: 1 };
        const structs = { shape: shapeOf(c, inner, smoothing) };
        const { values } = kernelCase({
          inputs: { x, labels, weight },
          outputs: { p: { length: x.length } },
          structs,
          range,
          returns: { expected: expected.loss, rtol: 1e-6, atol: 1e-7 },
          call: (k, { p, x, labels, weight, shape }, from, to) =>
            k.crossEntropyForward(p, x, labels, weight, shape, from, to),
        });
        kernelCase({
          inputs: { labels, weight },
          range: n * inner,
          returns: { expected: expected.weightSum, rtol: 1e-12 },
          call: (k, { labels, weight }, from, to) =>
            k.crossEntropyWeight(labels, weight, IGNORE, from, to),
        });
        const scale = -0.37;
        const gradient = expected.gradient.map((g) => g * scale);
        kernelCase({
          inputs: { p: values.p, labels, weight },
          outputs: { dx: { expected: gradient, rtol: 2e-6, atol: 4e-7 } },
          structs,
          range,
          inPlace: { dx: 'p' },
          call: (k, { dx, p, labels, weight, shape }, from, to) =>
            k.crossEntropyBackward(dx, p, labels, weight, shape, scale, from, to),
        });
      });
    }
  }

  const run = (x: Float32Array, labels: Int32Array, c: number, smoothing = 0, scale = 1) => {
    const n = labels.length;
    const structs = { shape: shapeOf(c, 1, smoothing) };
    const { values, returned } = kernelCase({
      inputs: { x, labels },
      outputs: { p: { length: x.length } },
      structs,
      call: (k, { p, x, labels, shape }) => k.crossEntropyForward(p, x, labels, NULL, shape, 0, n),
    });
    const { values: gradients } = kernelCase({
      inputs: { p: values.p, labels },
      outputs: { dx: { length: x.length } },
      structs,
      call: (k, { dx, p, labels, shape }) =>
        k.crossEntropyBackward(dx, p, labels, NULL, shape, scale, 0, n),
    });
    return { loss: returned, dx: gradients.dx };
  };

  it('is stable at logits of ±1e4', () => {
    const x = Float32Array.of(1e4, -1e4, 0, -1e4, 1e4, 1e4, 1e4, 9999, 9998, -1e4, -1e4, -1e4);
    const labels = Int32Array.of(1, 1, 2, 0);
    const expected = reference.crossEntropy(x, labels, [4, 3, 1]);
    const { loss, dx } = run(x, labels, 3);
    expectClose([loss], [expected.loss], { rtol: 1e-7 }, 'loss');
    expectClose(dx, expected.gradient, { rtol: 1e-6, atol: 2e-7 }, 'dx');
  });

  it('gives a position the same gradient alone and among others', () => {
    const random = new TestRandom(8);
    const [n, c] = [7, 10];
    const x = random.normals(n * c, 0, 3);
    const labels = Int32Array.from({ length: n }, () => random.integer(c));
    const { dx } = run(x, labels, c, 0.1, 0.25);
    for (let r = 0; r < n; r++) {
      const row = x.slice(r * c, (r + 1) * c);
      const alone = run(row, labels.slice(r, r + 1), c, 0.1, 0.25);
      expect(alone.dx).toEqual(dx.slice(r * c, (r + 1) * c));
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
        const x = random.normals(n * c * inner, 0, 4);
        const t = random.uniforms(n * c * inner);
        const weight = weights && (weights as Float32Array).slice(0, c);
        const expected = reference.crossEntropySoft(x, t, dims, {
          smoothing,
          ...(weight && { weight }),
        });
        const range = { total: n, step: 1 };
        const structs = { shape: shapeOf(c, inner, smoothing) };
        const { values } = kernelCase({
          inputs: { x, t, weight },
          outputs: { p: { length: x.length } },
          structs,
          range,
          returns: { expected: expected.loss, rtol: 1e-6 },
          call: (k, { p, x, t, weight, shape }, from, to) =>
            k.crossEntropySoftForward(p, x, t, weight, shape, from, to),
        });
        const gradient = expected.gradient.map((g) => g * 2.5);
        kernelCase({
          inputs: { p: values.p, t, weight },
          outputs: { dx: { expected: gradient, rtol: 2e-6, scaled: 1e-6 } },
          structs,
          range,
          inPlace: { dx: 'p' },
          call: (k, { dx, p, t, weight, shape }, from, to) =>
            k.crossEntropySoftBackward(dx, p, t, weight, shape, 2.5, from, to),
        });
      });
    }
  }
});

interface Elementwise {
  name: string;
  term: reference.Term;
  forward(k: Kernels, x: Pointer, t: Pointer, from: number, to: number): number;
  backward(
    k: Kernels,
    dx: Pointer,
    x: Pointer,
    t: Pointer,
    scale: number,
    from: number,
    to: number,
  ): void;
  target: 'normal' | 'probability' | 'logProbability';
}

const elementwise: Elementwise[] = [
  {
    name: 'mse',
    term: reference.mse,
    target: 'normal',
    forward: (k, x, t, from, to) => k.mseForward(x, t, from, to),
    backward: (k, dx, x, t, scale, from, to) => k.mseBackward(dx, x, t, scale, from, to),
  },
  {
    name: 'l1',
    term: reference.l1,
    target: 'normal',
    forward: (k, x, t, from, to) => k.l1Forward(x, t, from, to),
    backward: (k, dx, x, t, scale, from, to) => k.l1Backward(dx, x, t, scale, from, to),
  },
  ...[1, 0.3].map(
    (delta): Elementwise => ({
      name: `huber, delta ${delta}`,
      term: reference.huber(delta),
      target: 'normal',
      forward: (k, x, t, from, to) => k.huberForward(x, t, delta, from, to),
      backward: (k, dx, x, t, scale, from, to) => k.huberBackward(dx, x, t, delta, scale, from, to),
    }),
  ),
  ...[0, 1].map(
    (logTarget): Elementwise => ({
      name: `klDiv, logTarget ${logTarget}`,
      term: reference.klDiv(logTarget === 1),
      target: logTarget ? 'logProbability' : 'probability',
      forward: (k, x, t, from, to) => k.klDivForward(x, t, logTarget, from, to),
      backward: (k, dx, _, t, scale, from, to) =>
        k.klDivBackward(dx, t, logTarget, scale, from, to),
    }),
  ),
];

describe.each(elementwise.map((l) => [l.name, l] as const))('%s', (_, loss) => {
  for (const size of [1, 3, 4, 5, 15, 16, 17, 1001]) {
    it(`agrees with float64 on ${size} elements, whole and in pieces`, () => {
      const random = new TestRandom(size);
      const x = random.normals(size);
      const t =
        loss.target === 'normal'
          ? random.normals(size)
          : loss.target === 'probability'
            ? random.uniforms(size).map((v, i) => (i % 5 === 3 ? 0 : v))
            : random.normals(size, -2);
      const expected = reference.elementwise(x, t, loss.term);
      kernelCase({
        inputs: { x, t },
        range: size,
        returns: { expected: expected.loss, rtol: 1e-6, atol: 1e-6 },
        call: (k, { x, t }, from, to) => loss.forward(k, x, t, from, to),
      });
      const gradient = expected.gradient.map((g) => -0.7 * g);
      kernelCase({
        inputs: { x, t },
        outputs: { dx: { expected: gradient, rtol: 1e-6, atol: 1e-6 } },
        range: size,
        call: (k, { dx, x, t }, from, to) => loss.backward(k, dx, x, t, -0.7, from, to),
      });
    });
  }

  it('has the gradient that finite differences of its float64 reference give', () => {
    const t = loss.target === 'normal' ? 0.4 : 0.35;
    for (let x = -3.011; x < 3; x += 0.13) {
      const gradient = [loss.term(x, t, 0)[1]];
      expectGradient({ gradient, at: [x], of: ([x]) => loss.term(x!, t, 0)[0], step: 1e-6 });
    }
  });
});

describe('binary cross-entropy', () => {
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
        const x = random.uniforms(rows * n, 0.01, 0.99);
        const t = random.uniforms(rows * n).map((v, i) => (i % 3 ? v : i % 2));
        const weight = weighted ? random.uniforms(n, 0.5, 2) : undefined;
        const expected = reference.elementwise(x, t, reference.bce(weight), n);
        const inputs = { x, t, weight };
        const range = { total: rows, step: 1 };
        kernelCase({
          inputs,
          range,
          returns: { expected: expected.loss, rtol: 1e-6 },
          call: (k, { x, t, weight }, from, to) => k.bceForward(x, t, weight, n, from, to),
        });
        const gradient = expected.gradient.map((g) => g / 2);
        kernelCase({
          inputs,
          outputs: { dx: { expected: gradient, rtol: 1e-6, scaled: 5e-7 } },
          range,
          call: (k, { dx, x, t, weight }, from, to) =>
            k.bceBackward(dx, x, t, weight, n, 0.5, from, to),
        });
      });
    }
  }

  it('is −100 and finite where a logarithm is −∞', () => {
    const x = [0, 1, 0, 1, 1e-40];
    const t = [1, 0, 0, 1, 1];
    kernelCase({
      inputs: { x, t },
      returns: { expected: 200 - Math.log(1e-40), rtol: 1e-6 },
      call: (k, { x, t }) => k.bceForward(x, t, NULL, 5, 0, 1),
    });
  });

  it('has the gradient that finite differences of its float64 reference give', () => {
    for (let x = 0.12; x < 0.9; x += 0.07) {
      const term = reference.bce();
      const gradient = [term(x, 0.3, 0)[1]];
      expectGradient({ gradient, at: [x], of: ([x]) => term(x!, 0.3, 0)[0], step: 1e-6 });
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
        const x = random.normals(rows * n, 0, 20);
        const t = random.uniforms(rows * n).map((v, i) => (i % 3 ? v : i % 2));
        const weight = weighted ? random.uniforms(n, 0.5, 2) : undefined;
        const positive = weighted ? random.uniforms(n, 0.5, 3) : undefined;
        const term = reference.bceWithLogits(weight, positive);
        const expected = reference.elementwise(x, t, term, n);
        const inputs = { x, t, weight, positive };
        const range = { total: rows, step: 1 };
        kernelCase({
          inputs,
          range,
          returns: { expected: expected.loss, rtol: 1e-6 },
          call: (k, { x, t, weight, positive }, from, to) =>
            k.bceWithLogitsForward(x, t, weight, positive, n, from, to),
        });
        const gradient = expected.gradient.map((g) => g / 2);
        kernelCase({
          inputs,
          outputs: { dx: { expected: gradient, rtol: 1e-6, atol: 5e-7 } },
          range,
          call: (k, { dx, x, t, weight, positive }, from, to) =>
            k.bceWithLogitsBackward(dx, x, t, weight, positive, n, 0.5, from, to),
        });
      });
    }
  }

  it('is finite and right at logits of ±1e4, and precise where σ(x) is small', () => {
    const holds = (x: number[], t: number[], expected: number, rtol: number) => {
      const { length } = x;
      kernelCase({
        inputs: { x, t },
        returns: { expected, rtol },
        call: (k, { x, t }) => k.bceWithLogitsForward(x, t, NULL, NULL, length, 0, 1),
      });
    };
    const all = 2e4 + Math.exp(-50) + Math.exp(-30);
    holds([1e4, -1e4, 1e4, -1e4, -50, 30], [1, 0, 0, 1, 0, 1], all, 1e-7);
    holds([-50], [0], Math.exp(-50), 1e-6);
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
      expectGradient({ gradient, at: x, of: (x) => run(x).loss, atol: 1e-9 });
    }
  });
});
