import { describe, expect, it } from 'vitest';
import {
  BCELoss,
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  HuberLoss,
  KLDivLoss,
  L1Loss,
  Linear,
  type Loss,
  MSELoss,
  memoryUsage,
  NLLLoss,
  SmoothL1Loss,
  Tensor,
} from '../../src/index.ts';
import * as reference from '../reference/losses.ts';
import { expectClose } from '../support/close.ts';
import { expectGradient } from '../support/gradient.ts';
import { TestRandom } from '../support/random.ts';

// biome-ignore lint/suspicious/noExplicitAny: each case has its own target
const makers: Record<string, (options: any) => Loss<any>> = {
  crossEntropy: (options) => new CrossEntropyLoss(options),
  crossEntropySoft: (options) => new CrossEntropyLoss(options),
  mse: (options) => new MSELoss(options),
  l1: (options) => new L1Loss(options),
  huber: (options) => new HuberLoss(options),
  bceWithLogits: (options) => new BCEWithLogitsLoss(options),
  klDiv: (options) => new KLDivLoss(options),
  nll: (options) => new NLLLoss(options),
  smoothL1: (options) => new SmoothL1Loss(options),
  bce: (options) => new BCELoss(options),
};

describe('targets', () => {
  const logits = Tensor.from([
    [1, 2, 3],
    [0, -1, 4],
  ]);

  it('are classes or probabilities, typed, plain, nested or Tensors', () => {
    const loss = new CrossEntropyLoss();
    const classes = [[2, 0], new Int32Array([2, 0]), new Uint8Array([2, 0]), Tensor.from([2, 0])];
    const values = classes.map((target) => loss.forward(logits, target));
    const oneHot = [
      [0, 0, 1],
      [1, 0, 0],
    ];
    values.push(loss.forward(logits, oneHot), loss.forward(logits, oneHot.flat()));
    values.push(loss.forward(logits, Tensor.from(oneHot)));
    const { loss: sum } = reference.crossEntropy(logits.toArray(), [2, 0], [2, 3, 1]);
    expectClose(
      values,
      values.map(() => sum / 2),
      { rtol: 1e-7 },
      'loss',
    );
  });

  it('of pixels have the shape [N, d…]', () => {
    const loss = new CrossEntropyLoss({ ignoreIndex: 255, reduction: 'sum' });
    const x = Tensor.from(new TestRandom(1).normals(24), [2, 3, 2, 2]);
    const labels = [0, 1, 2, 255, 1, 1, 255, 0];
    const expected = reference.crossEntropy(x.toArray(), labels, [2, 3, 4], { ignoreIndex: 255 });
    for (const target of [new Uint8Array(labels), Tensor.from(labels, [2, 2, 2])]) {
      expectClose([loss.forward(x, target)], [expected.loss], { rtol: 1e-6 }, 'loss');
    }
    expectClose(loss.backward().toArray(), expected.gradient, { rtol: 1e-6, atol: 3e-7 }, 'dx');
  });

  it('that are all ignored give a mean of NaN and a sum of 0', () => {
    expect(new CrossEntropyLoss().forward(logits, [-100, -100])).toBeNaN();
    expect(new CrossEntropyLoss({ reduction: 'sum' }).forward(logits, [-100, -100])).toBe(0);
  });

  it('are not written to', () => {
    const t = new Float32Array([0.5, 0.25]);
    const x = Tensor.from([1, 2]);
    const loss = new MSELoss();
    loss.forward(x, t);
    loss.backward();
    expect([...t]).toEqual([0.5, 0.25]);
    expect([...x.toArray()]).toEqual([1, 2]);
  });

  it.each([
    ['a label out of range', [0, 3], /target\[1\] expected a class from 0 to 2 .*got 3/],
    ['a negative label', [-1, 0], /target\[0\].*got -1/],
    ['NaN', [0, NaN], /target\[1\].*got NaN/],
    ['a fraction', [0.5, 0], /target\[0\].*got 0.5/],
    [
      'another number of labels',
      [0, 1, 2],
      /expected classes \[2\] or probabilities \[2, 3\], got 3/,
    ],
    ['another shape', Tensor.from([[0, 1]]), /got \[1, 2\]/],
  ])('with %s are refused, and the pending backward survives', (_, target, message) => {
    const loss = new CrossEntropyLoss();
    loss.forward(logits, [2, 0]);
    const act = (): number => loss.forward(logits, target as number[]);
    expect(act).toThrow(RangeError);
    expect(act).toThrow(message);
    expect(loss.backward().size).toBe(6);
  });

  it.each([
    ['a string', ['1', 0], 'CrossEntropyLoss: target expected numbers, got the string 1 at [0]'],
    ['a BigInt', new BigInt64Array(2), 'target expected numbers, got the bigint 0 at [0]'],
    ['a hole', Array(2), 'target expected numbers, got undefined at [0]'],
  ])('with %s are refused, and the pending backward survives', (_, target, message) => {
    const loss = new CrossEntropyLoss();
    loss.forward(logits, [2, 0]);
    const act = (): number => loss.forward(logits, target as never);
    expect(act).toThrow(TypeError);
    expect(act).toThrow(message);
    expect(loss.backward().size).toBe(6);
  });

  it('of the wrong kind are refused', () => {
    const loss = new MSELoss();
    for (const target of [null, undefined, 3, 'abc', {}, new Map(), ['1', 0], [1n, 0n]]) {
      expect(() => loss.forward(logits, target as never)).toThrow(TypeError);
    }
  });

  it.each([new MSELoss(), new L1Loss(), new HuberLoss(), new KLDivLoss(), new BCEWithLogitsLoss()])(
    '%s refuses shapes that differ and an empty batch',
    (loss) => {
      expect(() => loss.forward(logits, Tensor.from([1, 2, 3, 4, 5, 6]))).toThrow(
        /target expected \[2, 3\], as the prediction, got \[6\]/,
      );
      expect(() => loss.forward(logits, [1, 2])).toThrow(/got 2 numbers/);
      expect(() => loss.forward(Tensor.zeros([0, 3]), [])).toThrow(/prediction is empty/);
    },
  );
});

describe('options', () => {
  it('are checked', () => {
    // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
    const wrong = { reduction: 'average' } as any;
    for (const make of Object.values(makers)) {
      expect(() => make(wrong)).toThrow(
        /reduction expected 'mean' or 'sum'.*, got the string average/,
      );
    }
    expect(() => new CrossEntropyLoss({ labelSmoothing: 1.5 })).toThrow(/labelSmoothing/);
    expect(() => new CrossEntropyLoss({ ignoreIndex: 0.5 })).toThrow(/ignoreIndex/);
    expect(() => new HuberLoss({ delta: 0 })).toThrow(/delta/);
    expect(() => new HuberLoss({ delta: NaN })).toThrow(/delta/);
    expect(() => new SmoothL1Loss({ beta: -1 })).toThrow(/beta/);
    expect(() => new NLLLoss({ ignoreIndex: 0.5 })).toThrow(/ignoreIndex/);
  });

  it('a class weight of another length is refused, as are logits without a class axis', () => {
    const weighted = new CrossEntropyLoss({ weight: [1, 2] });
    expect(() => weighted.forward(Tensor.zeros([1, 3]), [0])).toThrow(/3 classes, weight has 2/);
    expect(() => new CrossEntropyLoss().forward(Tensor.zeros([3]), [0])).toThrow(/\[N, C\]/);
  });

  it('weights of BCEWithLogitsLoss broadcast as in PyTorch', () => {
    const random = new TestRandom(3);
    const x = Tensor.from(random.normals(24), [2, 3, 4]);
    const t = random.uniforms(24);
    const cases: [number[], (i: number) => number][] = [
      [[4], (i) => i % 4],
      [[3, 1], (i) => Math.floor(i / 4) % 3],
      [[3, 4], (i) => i % 12],
      [[2, 1, 1], (i) => Math.floor(i / 12)],
      [[2, 3, 4], (i) => i],
      [[1], () => 0],
    ];
    for (const [shape, index] of cases) {
      const values = random.uniforms(24, 0.5, 2);
      const size = shape.reduce((a, b) => a * b, 1);
      const weight = Tensor.from(values.slice(0, size), shape);
      const spread = Float32Array.from({ length: 24 }, (_, i) => values[index(i)]!);
      const loss = new BCEWithLogitsLoss({ weight, posWeight: weight, reduction: 'sum' });
      const expected = reference.elementwise(
        x.toArray(),
        t,
        reference.bceWithLogits(spread, spread),
      );
      expectClose([loss.forward(x, t)], [expected.loss], { rtol: 1e-6 }, `[${shape}]`);
      expectClose(loss.backward().toArray(), expected.gradient, { rtol: 2e-6, atol: 1e-6 }, 'dx');
    }
    const wrong = new BCEWithLogitsLoss({ posWeight: [1, 2, 3] });
    expect(() => wrong.forward(x, t)).toThrow(/posWeight of \[3\] cannot be broadcast/);
  });
});

describe('the order of calls', () => {
  it('backward before forward, and twice, throws', () => {
    for (const make of Object.values(makers)) {
      const loss = make({});
      expect(() => loss.backward()).toThrow(/backward before forward/);
      const classes = make === makers.nll;
      loss.forward(Tensor.from([[0.5, 1]]), classes ? [1] : [[0.25, 0.75]]);
      loss.backward();
      expect(() => loss.backward()).toThrow(/already called/);
    }
  });

  it('a gradient is overwritten by the next forward', () => {
    const loss = new MSELoss();
    loss.forward(Tensor.from([1]), [0]);
    const dx = loss.backward();
    const kept = dx.clone();
    loss.forward(Tensor.from([2]), [0]);
    expect(() => dx.toArray()).toThrow(/older forward/);
    expect(kept.item()).toBe(2);
  });

  it("a gradient of an older forward is refused by the model's backward", () => {
    const model = new Linear(2, 3);
    const x = Tensor.from([[1, 2]]);
    const loss = new CrossEntropyLoss();
    loss.forward(model.forward(x), [1]);
    const dx = loss.backward();
    model.forward(x);
    expect(() => model.backward(dx)).toThrow(/older forward/);
    // And the loss of a prediction that the model has overwritten.
    loss.forward(model.forward(x), [1]);
    model.forward(x);
    expect(() => loss.backward()).toThrow(/earlier forward/);
  });
});

describe('NLLLoss and the losses of probabilities', () => {
  it('NLLLoss behind a log-softmax is CrossEntropyLoss', () => {
    const random = new TestRandom(4);
    const dims = [2, 3, 4] as const;
    const x = random.normals(24);
    const labels = Array.from({ length: 8 }, () => random.integer(3));
    const weight = random.uniforms(3, 0.5, 2);
    const logs = Float32Array.from(reference.crossEntropy(x, labels, dims).gradient);
    const nll = new NLLLoss({ weight, reduction: 'sum' });
    const value = nll.forward({ data: logs, shape: [2, 3, 4] }, labels);
    const expected = reference.nll(logs, labels, dims, weight);
    expectClose([value], [expected.loss], { rtol: 1e-6 });
    expectClose(nll.backward().toArray(), expected.gradient, { rtol: 1e-6 });
    expectGradient({
      gradient: expected.gradient,
      at: Float64Array.from(logs),
      of: (v) => reference.nll(v, labels, dims, weight).loss,
    });
    expect(new NLLLoss().forward(Tensor.zeros([2, 3]), [-100, -100])).toBeNaN();
  });

  it('SmoothL1Loss is float64’s, and its reference has its differences as gradient', () => {
    const random = new TestRandom(5);
    for (const beta of [1, 0.3, 0]) {
      const [x, t] = [random.normals(17), random.normals(17)];
      const expected = reference.elementwise(x, t, reference.smoothL1(beta));
      const loss = new SmoothL1Loss({ beta, reduction: 'sum' });
      expectClose([loss.forward({ data: x, shape: [17] }, t)], [expected.loss], { rtol: 1e-6 });
      expectClose(loss.backward().toArray(), expected.gradient, { rtol: 1e-6, atol: 1e-6 });
      expectGradient({
        gradient: expected.gradient,
        at: Float64Array.from(x),
        of: (v) => reference.elementwise(v, t, reference.smoothL1(beta)).loss,
      });
    }
  });

  it('BCELoss refuses what is no probability, and the pending backward survives', () => {
    const loss = new BCELoss();
    loss.forward(Tensor.from([0.5]), [1]);
    for (const [p, got] of [
      [1.5, '1.5'],
      [-0.1, '-0.1'],
      [NaN, 'NaN'],
    ] as const) {
      expect(() => loss.forward(Tensor.from([0.25, p]), [0, 1])).toThrow(
        `BCELoss: prediction[1] expected a probability from 0 to 1, got ${got}`,
      );
    }
    expect(loss.backward().item()).toBe(-2);
  });
});

describe("the reduction 'none'", () => {
  it('gives terms whose mean is the mean, and the gradient of their weighted sum', () => {
    for (const [name, make] of Object.entries(makers)) {
      const random = new TestRandom(6);
      const shape = [2, 3, 2, 2];
      const x = { data: random.uniforms(24, 0.1, 0.9), shape };
      const classes = name === 'crossEntropy' || name === 'nll';
      const target = classes
        ? { data: [0, 1, 2, 0, 2, 1, 1, 0], shape: [2, 2, 2] }
        : { data: random.uniforms(24), shape };
      const [all, mean] = [make({ reduction: 'none' }), make({})];
      const terms = all.forward(x, target) as unknown as Tensor;
      const over = classes || name === 'crossEntropySoft' ? [2, 2, 2] : shape;
      expect(terms.shape).toEqual(over);
      const average = terms.toArray().reduce((a, b) => a + b, 0) / terms.size;
      expectClose([mean.forward(x, target)], [average], { rtol: 1e-6 }, name);
      expect(all.last).toBeNaN();
      const weights = new Float32Array(terms.size).fill(1 / terms.size);
      const gradient = all.backward({ data: weights, shape: over }).toArray();
      expectClose(gradient, mean.backward().toArray(), { rtol: 1e-6, atol: 1e-8 }, name);
      // The terms are the caller's: another forward leaves them.
      const kept = terms.toArray();
      all.forward({ ...x, data: x.data.map((v) => 1 - v) }, target);
      expect(terms.toArray()).toEqual(kept);
      for (const wrong of [[1], Tensor.zeros([24]), Tensor.zeros([2, 2, 2, 3])]) {
        expect(() => all.backward(wrong)).toThrow(/weights expected \[2, .*, as the terms, got/);
      }
      expect(() => mean.backward([1, 2])).toThrow(/already called/);
      all.backward(0.5);
    }
  });

  it('weights are for it alone', () => {
    const loss = new MSELoss();
    loss.forward(Tensor.from([1]), [0]);
    expect(() => loss.backward([1])).toThrow('scale expected a number, got an array of 1');
    expect(loss.backward().item()).toBe(2);
  });
});

it('steps take no linear memory, smaller batches included', () => {
  const random = new TestRandom(2);
  const loss = new CrossEntropyLoss({ weight: [1, 2, 3] });
  const step = (n: number): void => {
    loss.forward(
      Tensor.from(random.normals(n * 3), [n, 3]),
      Array.from({ length: n }, () => random.integer(3)),
    );
    loss.backward();
  };
  step(64);
  const before = memoryUsage();
  for (let i = 0; i < 100; i++) step(1 + (i % 64));
  expect(memoryUsage()).toEqual(before);
  loss.dispose();
});

it('two forwards give the same bits', () => {
  const random = new TestRandom(9);
  const x = Tensor.from(random.normals(70), [7, 10]);
  const labels = Array.from({ length: 7 }, () => random.integer(10));
  const [a, b] = [new CrossEntropyLoss(), new CrossEntropyLoss()];
  expect(a.forward(x, labels)).toBe(b.forward(x, labels));
  expect(a.backward().toArray()).toEqual(b.backward().toArray());
});
