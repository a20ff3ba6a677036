import { describe, expect, it } from 'vitest';
import type { Kernels, Pointer } from '../../src/generated/kernels.ts';
import {
  ELU,
  GELU,
  GLU,
  Hardtanh,
  LeakyReLU,
  type Module,
  PReLU,
  ReLU6,
  SELU,
  Sequential,
  SiLU,
  Softplus,
  Tanh,
  Tensor,
} from '../../src/index.ts';
import { activationNamed } from '../everywhere/ops/activation.ts';
import * as reference from '../reference/activation.ts';
import { expectClose } from '../support/close.ts';
import { expectGradient } from '../support/gradient.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';

interface Case {
  name: string;
  parameter?: number | string;
  reference: reference.Activation;
  /** Whether backward reads the output. */
  fromOutput: boolean;
  forward(k: Kernels, y: Pointer, x: Pointer, from: number, to: number): void;
  backward(k: Kernels, dx: Pointer, saved: Pointer, dy: Pointer, from: number, to: number): void;
}

const plain = ([name, math]: [string, reference.Activation]): Case => ({
  name,
  reference: math,
  fromOutput: math.fromOutput ?? false,
  forward: (k, y, x, from, to) => k[`${name}Forward` as 'tanhForward'](y, x, from, to),
  backward: (k, dx, saved, dy, from, to) =>
    k[`${name}Backward` as 'tanhBackward'](dx, saved, dy, from, to),
});

const leaky = (slope: number, fromOutput: boolean, t = 0): Case => ({
  name: 'leakyRelu',
  parameter: `${slope}, ${t}`,
  reference: reference.leakyRelu(slope, t),
  fromOutput,
  forward: (k, y, x, from, to) => k.leakyReluForward(y, x, slope, t, from, to),
  backward: (k, dx, saved, dy, from, to) => k.leakyReluBackward(dx, saved, dy, slope, t, from, to),
});

const scaled = (name: string, math: reference.Activation, alpha: number, scale: number): Case => ({
  name,
  parameter: alpha,
  reference: math,
  fromOutput: false,
  forward: (k, y, x, from, to) => k.eluForward(y, x, alpha, scale, from, to),
  backward: (k, dx, saved, dy, from, to) => k.eluBackward(dx, saved, dy, alpha, scale, from, to),
});
const elu = (alpha: number): Case => scaled('elu', reference.elu(alpha), alpha, 1);

const hardtanh = (low: number, high: number): Case => ({
  name: 'hardtanh',
  parameter: `${low}, ${high}`,
  reference: reference.hardtanh(low, high),
  fromOutput: true,
  forward: (k, y, x, from, to) => k.hardtanhForward(y, x, low, high, from, to),
  backward: (k, dx, y, dy, from, to) => k.hardtanhBackward(dx, y, dy, low, high, from, to),
});

const softplus = (beta: number, threshold: number): Case => ({
  name: 'softplus',
  parameter: `${beta}, ${threshold}`,
  reference: reference.softplus(beta, threshold),
  fromOutput: false,
  forward: (k, y, x, from, to) => k.softplusForward(y, x, beta, threshold, from, to),
  backward: (k, dx, x, dy, from, to) => k.softplusBackward(dx, x, dy, beta, threshold, from, to),
});

const cases: Case[] = [
  ...Object.entries(reference.PLAIN).map(plain),
  leaky(0.01, true),
  leaky(0.3, true),
  leaky(-0.5, false),
  leaky(0.1, false, 1.5),
  hardtanh(0, 6),
  hardtanh(-1, 2.5),
  hardtanh(-Infinity, 1),
  softplus(1, 20),
  softplus(2.5, 4),
  softplus(-0.7, 20),
  scaled('selu', reference.selu, 1.7580993408473766, 1.0507009873554805),
  elu(1),
  elu(0.5),
  elu(-0.7),
];

const label = ({ name, parameter, fromOutput }: Case): string =>
  `${name}${parameter === undefined ? '' : `(${parameter})`} from ${fromOutput ? 'y' : 'x'}`;

describe.each(cases.map((c) => [label(c), c] as const))('%s', (_, c) => {
  for (const size of [1, 3, 4, 5, 15, 16, 17, 37, 203]) {
    it(`agrees with float64 on ${size} elements, whole, in pieces and in place`, () => {
      const random = new TestRandom(size);
      const x = random.normals(size, 0, 3);
      const dy = random.normals(size);
      const { values } = kernelCase({
        inputs: { x },
        outputs: { y: { expected: Array.from(x, c.reference.f), rtol: 2e-6, atol: 2e-7 } },
        range: size,
        inPlace: { y: 'x' },
        call: (k, { y, x }, from, to) => c.forward(k, y, x, from, to),
      });
      const expected = Array.from(dy, (g, i) => g * c.reference.slope(x[i]!));
      kernelCase({
        inputs: { saved: c.fromOutput ? values.y : x, dy },
        outputs: { dx: { expected, rtol: 2e-6, atol: 1e-6 } },
        range: size,
        inPlace: { dx: 'dy' },
        call: (k, { dx, saved, dy }, from, to) => c.backward(k, dx, saved, dy, from, to),
      });
    });
  }

  it('is the derivative that finite differences of its float64 reference give', () => {
    const { f, slope } = c.reference;
    for (let x = -6.034; x < 7; x += 0.11) {
      expectGradient({ gradient: [slope(x)], at: [x], of: ([x]) => f(x!), atol: 1e-9 });
    }
  });
});

describe('the far ends', () => {
  it('GELU keeps its relative accuracy where 1 + erf cancels', () => {
    const x = Float32Array.from({ length: 400 }, (_, i) => -12 + i * 0.03);
    kernelCase({
      inputs: { x },
      outputs: { y: { expected: Array.from(x, reference.gelu.f), rtol: 1e-5 } },
      call: (k, { y, x }) => k.geluForward(y, x, 0, 400),
    });
  });

  it('nothing overflows on the way to a finite result', () => {
    const x = [1e30, -1e30, 1e4, -1e4, 200, -200, 3.4e38, -3.4e38];
    for (const c of cases) {
      const expected = x.map((v) => Math.fround(c.reference.f(v)));
      kernelCase({
        name: label(c),
        inputs: { x },
        outputs: { y: { expected, rtol: 1e-6, atol: 1e-36 } },
        call: (k, { y, x }) => c.forward(k, y, x, 0, 8),
      });
    }
  });
});

describe('glu', () => {
  it.each([
    [1, 1],
    [3, 5],
    [2, 16],
    [4, 3],
    [1, 203],
  ])('of [%i, 2, %i] agrees with float64 and with finite differences', (n, half) => {
    const random = new TestRandom(n * 300 + half);
    const x = random.normals(2 * n * half, 0, 2);
    const dy = random.normals(n * half);
    const range = { total: n, step: 1 };
    kernelCase({
      inputs: { x },
      outputs: { y: { expected: reference.glu(x, half), rtol: 2e-6, atol: 2e-7 } },
      range,
      call: (k, { y, x }, from, to) => k.gluForward(y, x, half, from, to),
    });
    const expected = reference.gluGradient(x, dy, half);
    kernelCase({
      inputs: { x, dy },
      outputs: { dx: { expected, rtol: 2e-6, atol: 1e-6 } },
      range,
      call: (k, { dx, x, dy }, from, to) => k.gluBackward(dx, x, dy, half, from, to),
    });
    if (x.length > 40) return;
    const loss = (at: ArrayLike<number>) =>
      reference.glu(at, half).reduce((sum, y, i) => sum + y * dy[i]!, 0);
    expectGradient({ gradient: expected, at: x, of: loss, atol: 1e-8 });
  });

  it('takes any axis of even length', () => {
    const random = new TestRandom(3);
    const x = Tensor.from(random.normals(48), [2, 4, 6]);
    const dy = Tensor.from(random.normals(24), [2, 2, 6]);
    const layer = new GLU(1);
    const y = layer.forward(x);
    expect(y.shape).toEqual([2, 2, 6]);
    expectClose(y.toArray(), reference.glu(x.toArray(), 12), { rtol: 2e-6, atol: 2e-7 }, 'y');
    const dx = reference.gluGradient(x.toArray(), dy.toArray(), 12);
    expectClose(layer.backward(dy).toArray(), dx, { rtol: 2e-6, atol: 1e-6 }, 'dx');
    expect(() => new GLU(1).forward(Tensor.zeros([2, 3]))).toThrow(
      'GLU(1): input expected to have an axis 1 of even length, got [2, 3]',
    );
    expect(() => new GLU(2).forward(Tensor.zeros([2, 4]))).toThrow(RangeError);
  });
});

describe('prelu', () => {
  const shapes = [
    [1, 1, 1],
    [1, 1, 9],
    [3, 5, 1],
    [4, 4, 1],
    [7, 11, 1],
    [2, 3, 7],
    [3, 2, 16],
    [2, 1, 5],
  ];
  it.each(shapes)('of [%i, %i, %i] agrees with float64, whole and in pieces', (n, c, inner) => {
    const random = new TestRandom(n * 100 + c * 10 + inner);
    const size = n * c * inner;
    const x = random.normals(size);
    const weight = random.normals(c);
    const dy = random.normals(size);
    const range = { total: n, step: 1 };
    kernelCase({
      inputs: { x, weight },
      outputs: { y: { expected: reference.prelu(x, weight, inner), rtol: 1e-6 } },
      range,
      inPlace: { y: 'x' },
      call: (k, { y, x, weight }, from, to) => k.preluForward(y, x, weight, c, inner, from, to),
    });
    const expected = reference.preluGradients(x, dy, weight, inner);
    kernelCase({
      inputs: { x, dy, weight },
      outputs: { dx: { expected: expected.dx, rtol: 1e-6 } },
      range,
      inPlace: { dx: 'dy' },
      call: (k, { dx, x, dy, weight }, from, to) =>
        k.preluBackward(dx, x, dy, weight, c, inner, from, to),
    });
    const start = random.normals(c);
    const sums = expected.dweight.map((v, i) => v + start[i]!);
    kernelCase({
      inputs: { x, dy },
      updates: { dweight: { start, expected: sums, rtol: 1e-6, atol: 1e-6 } },
      range: c,
      call: (k, { dweight, x, dy }, from, to) =>
        k.preluBackwardWeight(dweight, x, dy, n, c, inner, from, to),
    });
  });
});

describe('layers', () => {
  const layers: [Module, reference.Activation][] = [
    ...Object.entries(reference.PLAIN).map(
      ([name, math]) => [activationNamed(name), math] as [Module, reference.Activation],
    ),
    [new LeakyReLU(), reference.leakyRelu(0.01)],
    [new LeakyReLU(-0.3), reference.leakyRelu(-0.3)],
    [new PReLU(), reference.leakyRelu(0.25)],
    [new ELU(), reference.elu(1)],
    [new ELU(-0.5), reference.elu(-0.5)],
    [new SELU(), reference.selu],
    [new ReLU6(), reference.relu6],
    [new Hardtanh(), reference.hardtanh(-1, 1)],
    [new Hardtanh(-0.5, Infinity), reference.hardtanh(-0.5, Infinity)],
    [new LeakyReLU(0.2, { threshold: 0.5 }), reference.leakyRelu(0.2, 0.5)],
    [new Softplus(), reference.softplus()],
    [new Softplus({ beta: 3, threshold: 2 }), reference.softplus(3, 2)],
  ];

  it.each(layers)('%s computes and differentiates, alone and in a chain', (layer, math) => {
    const random = new TestRandom(12);
    const x = Tensor.from(random.normals(30, 0, 2), [2, 3, 5]);
    const dy = Tensor.from(random.normals(30), [2, 3, 5]);
    const y = layer.forward(x);
    expect(y.shape).toEqual([2, 3, 5]);
    expectClose(y.toArray(), Array.from(x.toArray(), math.f), { rtol: 2e-6, atol: 2e-7 }, 'y');
    const dx = layer.backward(dy).toArray();
    const expected = Array.from(dy.toArray(), (g, i) => g * math.slope(x.toArray()[i]!));
    expectClose(dx, expected, { rtol: 2e-6, atol: 1e-6 }, 'dx');
    expect(layer.predict(x).toArray()).toEqual(layer.predict(x).toArray());

    // Between layers that read their own y or x, whoever shares memory with whom.
    const model = new Sequential(new Tanh(), layer, new SiLU());
    const [first, last] = [reference.tanh, reference.silu];
    const chain = (v: number): number => last.f(math.f(first.f(v)));
    const out = model.forward(x).toArray();
    expectClose(out, Array.from(x.toArray(), chain), { rtol: 4e-6, atol: 4e-7 }, 'chain');
    const slopes = Array.from(dy.toArray(), (g, i) => {
      const a = first.f(x.toArray()[i]!);
      return g * last.slope(math.f(a)) * math.slope(a) * first.slope(x.toArray()[i]!);
    });
    expectClose(model.backward(dy).toArray(), slopes, { rtol: 1e-5, atol: 2e-6 }, 'chain dx');
  });

  it('print as their constructors', () => {
    const printed = layers.map(([layer]) => `${layer}`);
    for (const one of ['ReLU()', 'Tanh()', 'GELU()', 'GELU(tanh)', 'PReLU(1)', 'ELU(-0.5)']) {
      expect(printed).toContain(one);
    }
    for (const text of printed)
      expect(text).toMatch(
        /^\w+\((tanh|-?[\d.]+)?((, )?(beta=|threshold=)?(-?[\d.]+|Infinity))*\)$/,
      );
  });

  it('PReLU learns a slope a channel, and takes a batch of another size', () => {
    const layer = new PReLU(3, { init: 0.1 });
    expect(Object.keys(layer.stateDict())).toEqual(['weight']);
    for (const shape of [
      [4, 3],
      [2, 3, 2, 2],
      [4, 3],
    ]) {
      layer.weight.zeroGrad();
      const size = shape.reduce((a, b) => a * b, 1);
      const random = new TestRandom(size);
      const x = Tensor.from(random.normals(size), shape);
      const dy = Tensor.from(random.normals(size), shape);
      const inner = size / (shape[0]! * 3);
      const y = layer.forward(x).toArray();
      const weight = new Float32Array(3).fill(0.1);
      expectClose(y, reference.prelu(x.toArray(), weight, inner), { rtol: 1e-6 }, 'y');
      const dx = layer.backward(dy).toArray();
      const expected = reference.preluGradients(x.toArray(), dy.toArray(), weight, inner);
      expectClose(dx, expected.dx, { rtol: 1e-6 }, 'dx');
      const { grad } = layer.weight;
      expectClose(grad!.toArray(), expected.dweight, { rtol: 1e-6, atol: 1e-6 }, 'dweight');
    }
  });

  it('refuse wrong options and shapes', () => {
    expect(() => new PReLU(0)).toThrow(RangeError);
    expect(() => new PReLU(3).forward(Tensor.zeros([2, 4]))).toThrow(
      /PReLU\(3\): input expected \[N, 3, …\], got \[2, 4\]/,
    );
    expect(() => new PReLU(3).forward(Tensor.zeros([3]))).toThrow(RangeError);
    expect(() => new GELU({ approximate: 'erf' as 'tanh' })).toThrow(/'none' or 'tanh'/);
    expect(() => new LeakyReLU(NaN)).toThrow(RangeError);
    expect(() => new Hardtanh(1, 1)).toThrow('Hardtanh: maxVal expected above minVal, 1, got 1');
    expect(() => new Softplus({ beta: 0 })).toThrow(
      'Softplus: beta expected a number other than 0',
    );
    expect(() => new ELU('1' as never)).toThrow(TypeError);
  });
});
