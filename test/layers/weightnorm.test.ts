import { describe, expect, it } from 'vitest';
import {
  BatchNorm1d,
  Conv2d,
  Linear,
  memoryUsage,
  ReLU,
  Sequential,
  Tensor,
  WeightNorm,
} from '../../src/index.ts';
import { weightNorm, weightNormGradients } from '../reference/weightnorm.ts';
import { expectClose } from '../support/close.ts';
import { runExamples } from '../support/examples.ts';
import { expectGradient } from '../support/gradient.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';

/** float32 sums of random terms: a few roundings of 6e-8 each on terms of size one. */
const SUMS = { scaled: 2e-6, atol: 2e-6 };

describe('weight norm kernels', () => {
  it('agree with float64 at the edges of lanes, and in ranges of rows', () => {
    for (const cols of [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 33, 70, 5001]) {
      for (const rows of [1, 2, 5]) {
        const random = new TestRandom(10 * cols + rows);
        const [v, dw] = [random.normals(rows * cols, 0.5), random.normals(rows * cols)];
        const g = random.normals(rows);
        const range = { total: rows, step: 1 };
        const lengths = Float64Array.from({ length: rows }, (_, i) =>
          Math.sqrt(v.slice(i * cols, (i + 1) * cols).reduce((sum, x) => sum + x * x, 0)),
        );
        kernelCase({
          inputs: { v },
          outputs: { norm: { expected: lengths, rtol: 1e-6 } },
          range,
          call: (k, { norm, v }, from, to) => k.rowNorms(norm, v, cols, from, to),
        });
        const { values } = kernelCase({
          inputs: { v, g },
          outputs: {
            w: { expected: weightNorm(v, g, cols), scaled: 1e-6 },
            norm: { length: rows },
          },
          range,
          call: (k, { w, norm, v, g }, from, to) =>
            k.weightNormForward(w, norm, v, g, cols, from, to),
        });
        const { dg, dv } = weightNormGradients(dw, v, g, cols);
        const added = (start: number, sums: Float64Array) => ({
          start: new Float32Array(sums.length).fill(start),
          expected: sums.map((d) => d + start),
          ...SUMS,
        });
        kernelCase({
          inputs: { norm: values.norm, dw, v, g },
          updates: { dg: added(1, dg), dv: added(2, dv) },
          range,
          call: (k, { dg, dv, norm, dw, v, g }, from, to) =>
            k.weightNormBackward(dg, dv, norm, dw, v, g, cols, from, to),
        });
      }
    }
  });
});

describe('the float64 gradients', () => {
  it('are those of finite differences', () => {
    const random = new TestRandom(2);
    const [v, dw, g] = [random.normals(6), random.normals(6), random.normals(2)];
    const { dg, dv } = weightNormGradients(dw, v, g, 3);
    expectGradient({ gradient: dv, at: v, of: (v) => weightNorm(v, g, 3), dy: dw });
    expectGradient({ gradient: dg, at: g, of: (g) => weightNorm(v, g, 3), dy: dw });
  });
});

describe('WeightNorm', () => {
  const random = new TestRandom(3);
  const x = Tensor.from(random.normals(4 * 6), [4, 6]);
  const dy = Tensor.from(random.normals(4 * 3), [4, 3]);

  it('changes nothing at first, and predicts a row to the same bits alone', () => {
    const plain = new Linear(6, 3);
    const expected = plain.predict(x).toArray();
    using layer = new WeightNorm(plain);
    expect(layer.weightG.shape).toEqual([3, 1]);
    expect(layer.forward(x).toArray()).toEqual(expected);
    const one = { data: x.toArray().slice(6, 12), shape: [1, 6] };
    expect(layer.predict(one).toArray()).toEqual(expected.slice(3, 6));
    expect(layer.parameters()).toEqual([layer.bias, layer.weightG, layer.weightV]);
  });

  it('follows what is loaded, and gives the plain layer back', () => {
    using layer = new WeightNorm(new Conv2d(2, 3, 3));
    const images = { data: random.normals(2 * 2 * 25), shape: [2, 2, 5, 5] };
    const before = layer.predict(images).toArray();
    layer.weightG.assign({
      data: layer.weightG.data.toArray().map((g) => 2 * g),
      shape: [3, 1, 1, 1],
    });
    const doubled = layer.predict(images).toArray();
    const bias = layer.bias!.data.toArray();
    const expected = before.map((v, i) => 2 * v - bias[Math.floor(i / 9) % 3]!);
    expectClose(doubled, expected, { scaled: 1e-6 });
    using conv = layer.remove();
    expect(conv.predict(images).toArray()).toEqual(doubled);
    expect(Object.keys(conv.stateDict())).toEqual(['weight', 'bias']);
    expect(() => layer.predict(images)).toThrow(/used after dispose/);
    layer.dispose();
    expect(conv.predict(images).toArray()).toEqual(doubled);
  });

  it('trains a part alone, in a model that fuses, with two backwards added up', () => {
    using model = new Sequential(
      new WeightNorm(new Linear(6, 5)),
      new ReLU(),
      new WeightNorm(new Linear(5, 3, { bias: false })),
    );
    const step = () => {
      model.forward(x);
      return model.backward(dy).toArray();
    };
    const first = model.at<WeightNorm>(0);
    const dx = step();
    const [dg, dv] = [first.weightG.grad!.toArray(), first.weightV.grad!.toArray()];
    expect(step()).toEqual(dx);
    expectClose(
      first.weightG.grad!.toArray(),
      dg.map((v) => 2 * v),
      SUMS,
      'dg',
    );
    expectClose(
      first.weightV.grad!.toArray(),
      dv.map((v) => 2 * v),
      SUMS,
      'dv',
    );
    first.weightV.requiresGrad = false;
    for (const parameter of model.parameters()) parameter.zeroGrad();
    expect(step()).toEqual(dx);
    expect(first.weightG.grad!.toArray()).toEqual(dg);
    expect(first.weightV.grad!.toArray()).toEqual(dv.map(() => 0));
    model.freeze();
    expect(step()).toEqual(dx);
    expect(first.weightG.grad!.toArray()).toEqual(dg);
  });

  it('takes no memory after its first step, and gives all of it back', () => {
    const { used: before } = memoryUsage();
    {
      using layer = new WeightNorm(new Linear(6, 3));
      const step = () => {
        layer.forward(x);
        layer.backward(dy).toArray();
      };
      step();
      const { used } = memoryUsage();
      for (let i = 0; i < 4; i++) step();
      expect(memoryUsage().used).toBe(used);
    }
    expect(memoryUsage().used).toBe(before);
  });

  it('says what it cannot wrap, and passes on what its layer says', () => {
    expect(() => new WeightNorm(new BatchNorm1d(3) as never)).toThrow(
      new TypeError(
        'WeightNorm: expected a layer with a weight of two axes or more, such as Linear or Conv2d, ' +
          'got BatchNorm1d(3)',
      ),
    );
    expect(() => new WeightNorm(3 as never)).toThrow(TypeError);
    expect(() => new WeightNorm(new WeightNorm(new Linear(2, 2)) as never)).toThrow(TypeError);
    using layer = new WeightNorm(new Linear(6, 3));
    expect(`${layer}`).toBe('WeightNorm(Linear(6, 3))');
    expect(() => layer.forward(Tensor.zeros([2, 5]))).toThrow(
      new RangeError('Linear(6, 3): input expected [N, …, 6], got [2, 5]'),
    );
  });
});

it('docs/weightnorm.md', async () => {
  const { layer, plain } = await runExamples('docs/weightnorm.md', {
    exported: ['layer', 'plain'],
  });
  expect(`${layer}`).toBe('WeightNorm(Linear(784, 200))');
  expect(plain.weight.shape).toEqual([200, 784]);
});
