import { describe, expect, it } from 'vitest';
import {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormOptions,
  Linear,
  ReLU,
  Sequential,
  Tensor,
} from '../../src/index.ts';
import { gradients, normalize, statistics } from '../reference/batchnorm.ts';
import { expectClose } from '../support/close.ts';
import { TestRandom } from '../support/random.ts';

/** As in batchnorm.test.ts: a few float32 roundings of terms of size one. */
const SUMS = { scaled: 2e-6, atol: 2e-6 };

const LAYERS = { 2: BatchNorm1d, 3: BatchNorm1d, 4: BatchNorm2d, 5: BatchNorm3d } as const;

function layerFor(shape: readonly number[], options: BatchNormOptions = {}) {
  const channels = options.channelsLast ? shape.at(-1)! : shape[1]!;
  return new LAYERS[shape.length as 2 | 3 | 4 | 5](channels, options);
}

describe('BatchNorm', () => {
  const random = new TestRandom(12);
  const sizes = { n: 6, c: 5, s: 9 };
  const shape = [6, 5, 3, 3];
  const x = { shape, data: random.normals(6 * 5 * 9, 3, 2) };
  const dy = { shape, data: random.normals(6 * 5 * 9) };
  const exact = statistics(x.data, sizes);

  it("has PyTorch's state-dict keys, and only those its options ask for", () => {
    const keys = (options: BatchNormOptions) => {
      using bn = new BatchNorm2d(5, options);
      return Object.keys(bn.stateDict());
    };
    const tracked = ['running_mean', 'running_var', 'num_batches_tracked'];
    expect(keys({})).toEqual(['weight', 'bias', ...tracked]);
    expect(keys({ affine: false })).toEqual(tracked);
    expect(keys({ scale: false })).toEqual(['bias', ...tracked]);
    expect(keys({ center: false })).toEqual(['weight', ...tracked]);
    expect(keys({ affine: false, center: true })).toEqual(['bias', ...tracked]);
    expect(keys({ trackRunningStats: false })).toEqual(['weight', 'bias']);
    using bn = new BatchNorm2d(2);
    const { weight, bias, running_mean, running_var, num_batches_tracked } = bn.stateDict();
    expect([...weight!.toArray()]).toEqual([1, 1]);
    expect([...bias!.toArray()]).toEqual([0, 0]);
    expect([...running_mean!.toArray()]).toEqual([0, 0]);
    expect([...running_var!.toArray()]).toEqual([1, 1]);
    expect([...num_batches_tracked!.toArray()]).toEqual([0]);
    expect(num_batches_tracked!.shape).toEqual([]);
  });

  it('without γ or without β computes as if it were 1 or 0', () => {
    for (const options of [{ scale: false }, { center: false }, { affine: false }]) {
      using bn = new BatchNorm2d(5, options);
      const affine = {
        weight: bn.weight && random.normals(5),
        bias: bn.bias && random.normals(5),
        eps: 1e-5,
      };
      if (affine.weight) bn.weight!.assign(Tensor.from(affine.weight, [5]));
      if (affine.bias) bn.bias!.assign(Tensor.from(affine.bias, [5]));
      const y = bn.forward(x).toArray();
      expectClose(y, normalize(x.data, exact, sizes, affine), { scaled: 2e-6 }, 'y');
      const expected = gradients(dy.data, x.data, exact, sizes, affine);
      expectClose(bn.backward(dy).toArray(), expected.dx, SUMS, 'dx');
      if (bn.weight) expectClose(bn.weight.grad!.toArray(), expected.dWeight, SUMS, 'dWeight');
      if (bn.bias) expectClose(bn.bias.grad!.toArray(), expected.dBias, SUMS, 'dBias');
    }
  });

  it('a frozen γ gets no gradient, β and x theirs', () => {
    using bn = new BatchNorm2d(5);
    bn.weight!.requiresGrad = false;
    bn.forward(x);
    const dx = bn.backward(dy).toArray();
    const expected = gradients(dy.data, x.data, exact, sizes, { eps: 1e-5 });
    expect(bn.weight!.grad).toBeNull();
    expectClose(bn.bias!.grad!.toArray(), expected.dBias, SUMS, 'dBias');
    expectClose(dx, expected.dx, SUMS, 'dx');
  });

  it('averages by momentum, by decay, cumulatively, unbiased or biased', () => {
    const other = { shape, data: random.normals(6 * 5 * 9, -1, 0.5) };
    const second = statistics(other.data, sizes);
    const m = 54;
    const follow = (options: BatchNormOptions, rates: [number, number], correction: number) => {
      using bn = new BatchNorm2d(5, options);
      bn.forward(x);
      bn.forward(other);
      const mix = (start: number, a: number, b: number) => {
        const one = start * (1 - rates[0]) + a * rates[0];
        return one * (1 - rates[1]) + b * rates[1];
      };
      const mean = exact.mean.map((v, j) => mix(0, v, second.mean[j]!));
      const variance = exact.variance.map((v, j) =>
        mix(1, v * correction, second.variance[j]! * correction),
      );
      expectClose(bn.runningMean!.data.toArray(), mean, { rtol: 2e-6, atol: 1e-7 }, 'mean');
      expectClose(bn.runningVar!.data.toArray(), variance, { rtol: 2e-6 }, 'variance');
      expect(bn.numBatchesTracked!.value).toBe(2);
    };
    follow({}, [0.1, 0.1], m / (m - 1));
    follow({ momentum: 0.3 }, [0.3, 0.3], m / (m - 1));
    follow({ decay: 0.99 }, [1 - 0.99, 1 - 0.99], m / (m - 1));
    follow({ momentum: null }, [1, 0.5], m / (m - 1));
    follow({ runningVariance: 'biased' }, [0.1, 0.1], 1);
  });

  it('without running statistics uses those of the batch in evaluation and predict, too', () => {
    using bn = new BatchNorm2d(5, { trackRunningStats: false });
    const trained = bn.forward(x).toArray();
    bn.eval();
    expect(bn.forward(x).toArray()).toEqual(trained);
    expect(bn.predict(x).toArray()).toEqual(trained);
  });

  it('frozenStatistics survives train(), and leaves the running statistics alone', () => {
    using bn = new BatchNorm2d(5);
    bn.forward(x);
    const before = bn.stateDict();
    const running = {
      mean: before.running_mean!.toArray(),
      variance: before.running_var!.toArray(),
    };
    bn.frozenStatistics = true;
    bn.train();
    const y = bn.forward(x).toArray();
    expectClose(y, normalize(x.data, running, sizes, { eps: 1e-5 }), { scaled: 2e-6 }, 'y');
    const dx = bn.backward(dy).toArray();
    const expected = gradients(dy.data, x.data, running, sizes, { eps: 1e-5 }, true);
    expectClose(dx, expected.dx, SUMS, 'dx');
    expectClose(bn.weight!.grad!.toArray(), expected.dWeight, SUMS, 'dWeight');
    expect(bn.stateDict()).toEqual(before);
    bn.frozenStatistics = false;
    bn.forward(x);
    expect(bn.numBatchesTracked!.value).toBe(2);
  });

  it('differentiates the forward that was, whatever mode and statistics say since', () => {
    using bn = new BatchNorm2d(5);
    bn.forward(x);
    bn.eval();
    bn.runningMean!.data.set(new Float32Array(5).fill(9));
    const expected = gradients(dy.data, x.data, exact, sizes, { eps: 1e-5 });
    expectClose(bn.backward(dy).toArray(), expected.dx, SUMS, 'dx');
    bn.forward(x);
    const running = { mean: new Float32Array(5).fill(9), variance: bn.runningVar!.data.toArray() };
    bn.train();
    bn.runningMean!.data.set(new Float32Array(5));
    const frozen = gradients(dy.data, x.data, running, sizes, { eps: 1e-5 }, true);
    bn.weight!.zeroGrad();
    bn.backward(dy);
    expectClose(
      bn.weight!.grad!.toArray(),
      frozen.dWeight,
      { scaled: 2e-6, atol: 1e-5 },
      'dWeight',
    );
  });

  it('clamps for the ReLU behind it, to the same bits', () => {
    for (const layout of [shape, [6, 45]]) {
      const channels = layout[1]!;
      using bn = layerFor(layout);
      using apart = layerFor(layout);
      using relu = new ReLU();
      using model = new Sequential(bn, new ReLU());
      const bias = random.normals(channels);
      for (const layer of [bn, apart]) layer.bias!.assign(Tensor.from(bias, [channels]));
      const y = model.forward({ ...x, shape: layout }).toArray();
      const z = apart.forward({ ...x, shape: layout }).clone();
      expect(y).toEqual(relu.forward(z).toArray());
      const dx = model.backward({ ...dy, shape: layout }).toArray();
      const dz = relu.backward({ ...dy, shape: layout }).clone();
      expect(dx).toEqual(apart.backward(dz).toArray());
      expect(bn.weight!.grad!.toArray()).toEqual(apart.weight!.grad!.toArray());
      expect(model.predict({ ...x, shape: layout }).toArray()).toEqual(
        relu.predict(apart.predict({ ...x, shape: layout })).toArray(),
      );
    }
  });

  it('predicts a sample to the same bits alone and in a batch, and changes nothing', () => {
    using bn = new BatchNorm2d(5);
    bn.forward(x);
    const before = bn.stateDict();
    const whole = bn.predict(x).toArray();
    for (const i of [0, 3, 5]) {
      const one = { shape: [1, 5, 3, 3], data: x.data.slice(i * 45, (i + 1) * 45) };
      expect(bn.predict(one).toArray()).toEqual(whole.slice(i * 45, (i + 1) * 45));
    }
    expect(bn.stateDict()).toEqual(before);
    expect(bn.training).toBe(true);
    const alone = { shape: [1, 5], data: x.data.slice(0, 5) };
    using features = new BatchNorm1d(5).eval();
    expect(features.forward(alone).shape).toEqual([1, 5]);
  });

  it('agrees with float64 on large planes far from zero', () => {
    const large = { n: 4, c: 6, s: 130 * 130 };
    const data = random.normals(4 * 6 * 130 * 130, 1e3, 1);
    const upstream = random.normals(data.length);
    using bn = new BatchNorm2d(6);
    const y = bn.forward({ shape: [4, 6, 130, 130], data }).toArray();
    const used = statistics(data, large);
    expectClose(y, normalize(data, used, large, { eps: 1e-5 }), { scaled: 2e-6 }, 'y');
    const expected = gradients(upstream, data, used, large, { eps: 1e-5 });
    const dx = bn.backward({ shape: [4, 6, 130, 130], data: upstream }).toArray();
    expectClose(dx, expected.dx, { scaled: 2e-6 }, 'dx');
    expectClose(bn.weight!.grad!.toArray(), expected.dWeight, { scaled: 1e-5 }, 'dWeight');
  });

  it('takes a single channel, and starts its statistics over', () => {
    using bn = new BatchNorm1d(1);
    const one = { n: 7, c: 1, s: 1 };
    const data = random.normals(7);
    const y = bn.forward({ shape: [7, 1], data }).toArray();
    expectClose(y, normalize(data, statistics(data, one), one, { eps: 1e-5 }), { scaled: 2e-6 });
    expect(bn.runningMean!.data.toArray()[0]).not.toBe(0);
    bn.resetRunningStats();
    expect([...bn.runningMean!.data.toArray()]).toEqual([0]);
    expect([...bn.runningVar!.data.toArray()]).toEqual([1]);
    expect(bn.numBatchesTracked!.value).toBe(0);
  });

  it('says what is wrong with its options', () => {
    const make = (options: object) => () => new BatchNorm2d(64, options);
    expect(() => new BatchNorm2d(0)).toThrow(
      new RangeError('BatchNorm2d: numFeatures expected a whole number ≥ 1, got 0'),
    );
    expect(make({ eps: 0 })).toThrow(
      new RangeError('BatchNorm2d(64): eps expected a number > 0, got 0'),
    );
    expect(make({ eps: 1e-60 })).toThrow(RangeError);
    expect(make({ eps: Number.NaN })).toThrow(RangeError);
    expect(make({ eps: Infinity })).toThrow(RangeError);
    expect(make({ eps: '1e-5' })).toThrow(TypeError);
    expect(make({ momentum: Number.NaN })).toThrow(
      new RangeError('BatchNorm2d(64): momentum expected a number from 0 to 1, got NaN'),
    );
    expect(make({ momentum: 1.5 })).toThrow(RangeError);
    expect(make({ decay: -0.1 })).toThrow(RangeError);
    expect(make({ momentum: 0.1, decay: 0.9 })).toThrow(
      new TypeError(
        'BatchNorm2d(64): expected momentum or decay, got both: momentum is the weight of the new ' +
          'value, decay that of the old, 1 − momentum',
      ),
    );
    expect(make({ runningVariance: 'unbaised' })).toThrow(TypeError);
    using bn = new BatchNorm1d(3);
    expect(() => {
      bn.momentum = 2;
    }).toThrow(RangeError);
    expect(bn.momentum).toBe(0.1);
  });

  it('says what is wrong with its input, and stays as it was', () => {
    const refuses = (bn: BatchNorm1d | BatchNorm2d | BatchNorm3d, got: number[], text: string) => {
      expect(() => bn.forward(Tensor.zeros(got))).toThrow(new RangeError(text));
      expect(bn.numBatchesTracked!.value).toBe(0);
      bn.dispose();
    };
    refuses(
      new BatchNorm2d(64),
      [8, 32, 4, 4],
      'BatchNorm2d(64): input expected [N, 64, H, W], got [8, 32, 4, 4]',
    );
    refuses(
      new BatchNorm2d(64),
      [8, 4, 4, 64],
      'BatchNorm2d(64): input expected [N, 64, H, W], got [8, 4, 4, 64]: ' +
        'for channels last pass { channelsLast: true }',
    );
    refuses(
      new BatchNorm2d(64, { channelsLast: true }),
      [8, 64, 4, 4],
      'BatchNorm2d(64): input expected [N, H, W, 64], got [8, 64, 4, 4]',
    );
    refuses(
      new BatchNorm1d(64),
      [8, 64, 4, 4],
      'BatchNorm1d(64): input expected [N, 64] or [N, 64, L], got [8, 64, 4, 4]',
    );
    refuses(
      new BatchNorm3d(2),
      [2, 2, 2],
      'BatchNorm3d(2): input expected [N, 2, D, H, W], got [2, 2, 2]',
    );
    refuses(
      new BatchNorm1d(200),
      [1, 200],
      'BatchNorm1d(200): batch statistics expected more than one value a channel, got 1 in ' +
        '[1, 200]: use a larger batch (dropLast spares a last batch of one), or eval() or predict()',
    );
  });

  it('of a model whose later layer refuses a step keeps its statistics', () => {
    using first = new BatchNorm2d(2);
    using second = new BatchNorm1d(3);
    class Model extends Sequential {}
    using model = new Model(new Sequential(first, new ReLU()), new Linear(4, 1));
    const data = random.normals(2 * 12 * 4);
    model.forward({ shape: [12, 2, 1, 4], data });
    const before = first.stateDict();
    expect(() => model.forward({ shape: [12, 2, 4, 1], data })).toThrow(RangeError);
    using short = new Sequential(new BatchNorm1d(3), new Linear(3, 3), second);
    expect(() => short.forward(Tensor.zeros([1, 3]))).toThrow(/more than one value a channel/);
    expect(first.stateDict()).toEqual(before);
    expect(second.numBatchesTracked!.value).toBe(0);
  });
});
