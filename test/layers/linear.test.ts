import { describe, expect, it } from 'vitest';
import { Linear, Tensor } from '../../src/index.ts';
import { manualSeed } from '../../src/tensor/random.ts';
import { product } from '../reference/gemm.ts';
import { expectClose } from '../support/close.ts';
import { TestRandom } from '../support/random.ts';

const TOLERANCE = { rtol: 1e-6, scaled: 1e-6 };

describe('Linear', () => {
  it('agrees with float64 over many rows, in blocks of the gradient too', () => {
    const random = new TestRandom(3);
    const [rows, inFeatures, outFeatures] = [530, 21, 13];
    using layer = new Linear(inFeatures, outFeatures);
    const x = random.normals(rows * inFeatures);
    const dy = random.normals(rows * outFeatures);
    const weight = layer.weight.data.toArray();
    const bias = layer.bias!.data.toArray();
    const y = layer.forward({ data: x, shape: [rows, inFeatures] }).toArray();
    const dx = layer.backward({ data: dy, shape: [rows, outFeatures] }).toArray();
    expectClose(
      y,
      product(x, weight, rows, outFeatures, inFeatures, { transposeB: true, bias }),
      TOLERANCE,
      'y',
    );
    expectClose(dx, product(dy, weight, rows, inFeatures, outFeatures), TOLERANCE, 'dx');
    expectClose(
      layer.weight.grad!.toArray(),
      product(dy, x, outFeatures, inFeatures, rows, { transposeA: true }),
      TOLERANCE,
      'dWeight',
    );
    const ones = new Float32Array(rows).fill(1);
    expectClose(
      layer.bias!.grad!.toArray(),
      product(ones, dy, 1, outFeatures, rows),
      TOLERANCE,
      'dBias',
    );
  });

  it('gives a row the same bits alone and in a batch of 100', () => {
    const random = new TestRandom(4);
    using layer = new Linear(300, 17);
    const data = random.normals(100 * 300);
    const whole = layer.predict({ data, shape: [100, 300] }).toArray();
    for (const row of [0, 42, 99]) {
      const alone = layer.predict({
        data: data.slice(row * 300, (row + 1) * 300),
        shape: [1, 300],
      });
      expect(alone.toArray()).toEqual(whole.slice(row * 17, (row + 1) * 17));
    }
  });

  it('gives a frozen weight no gradient, and the rest as before', () => {
    using layer = new Linear(4, 3);
    layer.weight.requiresGrad = false;
    const x = Tensor.from([[1, 2, 3, 4]]);
    layer.forward(x);
    const dx = layer.backward(Tensor.from([[1, -1, 2]])).toArray();
    expect(layer.weight.grad).toBeNull();
    expect([...layer.bias!.grad!.toArray()]).toEqual([1, -1, 2]);
    expectClose(dx, product([1, -1, 2], layer.weight.data.toArray(), 1, 4, 3), TOLERANCE);
  });

  it("starts as PyTorch's does, from the seed alone", () => {
    manualSeed(5);
    using layer = new Linear(400, 300);
    const weight = layer.weight.data.toArray();
    const bias = layer.bias!.data.toArray();
    for (const values of [weight, bias]) {
      const low = values.reduce((least, v) => Math.min(least, v));
      const high = values.reduce((most, v) => Math.max(most, v));
      expect(low).toBeGreaterThanOrEqual(-1 / 20);
      expect(high).toBeLessThan(1 / 20);
      expect(high).toBeGreaterThan(0.045);
    }
    const variance = weight.reduce((sum, w) => sum + w * w, 0) / weight.length;
    expect(variance).toBeCloseTo(1 / 1200, 5);
    manualSeed(5);
    using again = new Linear(400, 300);
    expect(again.weight.data.toArray()).toEqual(weight);
    using he = new Linear(400, 300, { init: 'he' });
    expect(he.bias!.data.toArray().every((b) => b === 0)).toBe(true);
  });

  it('says what is wrong', () => {
    expect(() => new Linear(0, 3)).toThrow(
      new RangeError('Linear: inFeatures expected a whole number ≥ 1, got 0'),
    );
    expect(() => new Linear(3, 1.5)).toThrow(
      new RangeError('Linear: outFeatures expected a whole number ≥ 1, got 1.5'),
    );
    // @ts-expect-error a string
    expect(() => new Linear('3', 1)).toThrow(TypeError);
    using layer = new Linear(784, 10);
    expect(() => layer.forward(Tensor.zeros([2, 100]))).toThrow(
      new RangeError('Linear(784, 10): input expected [N, …, 784], got [2, 100]'),
    );
    expect(() => layer.forward(Tensor.zeros([2, 1, 28, 28]))).toThrow(
      new RangeError(
        'Linear(784, 10): input expected [N, …, 784], got [2, 1, 28, 28]: put a Flatten before it',
      ),
    );
    expect(layer.forward(Tensor.zeros([2, 784])).shape).toEqual([2, 10]);
  });
});
