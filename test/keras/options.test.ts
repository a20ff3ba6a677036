/** Options that the real TensorFlow.js does not have, lacks in its backend, or computes otherwise than Keras. */
import { describe, expect, it } from 'vitest';
import { type GraphModule, Tensor } from '../../src/index.ts';
import { fromLayersModel } from '../../src/keras/index.ts';
import { TestRandom } from '../support/random.ts';

type Weights = Record<string, [shape: number[], values: ArrayLike<number>]>;

/** A Sequential of one layer. */
function one(
  className: string,
  config: object,
  shape: number[],
  weights: Weights = {},
  version = '2.15.0',
): GraphModule {
  const layer = {
    class_name: className,
    config: { name: 'one', batch_input_shape: [null, ...shape], ...config },
  };
  const entries = Object.entries(weights);
  const modelJson = {
    modelTopology: {
      class_name: 'Sequential',
      config: { layers: [layer] },
      keras_version: version,
    },
    weightsManifest: [
      {
        weights: entries.map(([name, [shape]]) => ({
          name: `one/${name}`,
          shape,
          dtype: 'float32',
        })),
      },
    ],
  };
  const shards = entries.map(([, [, values]]) => Float32Array.from(values));
  return fromLayersModel(modelJson, shards, { layout: 'NHWC' });
}

const random = new TestRandom(3);
const x = random.normals(24, 0, 3);

function expectValues(
  model: GraphModule,
  shape: number[],
  expected: (value: number, i: number) => number,
): void {
  const y = model.predict({ data: x, shape }).toArray();
  for (const [i, value] of [...x].entries()) expect(y[i]).toBeCloseTo(expected(value, i), 5);
}

const logistic = (v: number) => 1 / (1 + Math.exp(-v));

describe('sequences', () => {
  it('Embedding looks rows up', () => {
    const table = Float32Array.from({ length: 15 }, (_, i) => i);
    const options = { input_dim: 5, output_dim: 3 };
    const model = one('Embedding', options, [2], { embeddings: [[5, 3], table] });
    const y = model.predict({ data: [4, 0], shape: [1, 2] });
    expect([...y.toArray()]).toEqual([12, 13, 14, 0, 1, 2]);
    expect(() =>
      one('Embedding', { ...options, mask_zero: true }, [2], { embeddings: [[5, 3], table] }),
    ).toThrow('mask_zero expected false');
  });

  /** Keras's GRU with reset_after, of one unit, step by step. */
  it('GRU computes z, r and h in the order of Keras', () => {
    const [kernel, recurrent] = [random.normals(6), random.normals(3)];
    const bias = random.normals(6);
    const weights: Weights = {
      kernel: [[2, 3], kernel],
      recurrent_kernel: [[1, 3], recurrent],
      bias: [[2, 3], bias],
    };
    const options = { units: 1, return_sequences: true };
    const y = one('GRU', options, [4, 2], weights).predict({
      data: x.slice(0, 8),
      shape: [1, 4, 2],
    });
    let h = 0;
    for (let t = 0; t < 4; t++) {
      const given = (gate: number) =>
        x[2 * t]! * kernel[gate]! + x[2 * t + 1]! * kernel[3 + gate]! + bias[gate]!;
      const again = (gate: number) => h * recurrent[gate]! + bias[3 + gate]!;
      const z = logistic(given(0) + again(0));
      const r = logistic(given(1) + again(1));
      h = z * h + (1 - z) * Math.tanh(given(2) + r * again(2));
      expect(y.toArray()[t]).toBeCloseTo(h, 5);
    }
  });

  it.each([
    ['GRU', { reset_after: false }, 'reset_after expected true'],
    ['LSTM', { recurrent_activation: 'hard_sigmoid' }, "recurrent_activation expected 'sigmoid'"],
    ['LSTM', { activation: 'relu' }, "activation expected 'tanh'"],
    ['LSTM', { go_backwards: true }, 'go_backwards expected false'],
    ['LSTM', { dropout: 0.5 }, 'dropout expected 0'],
  ])('%s with %j is refused', (type, options, message) => {
    expect(() => one(type, { units: 1, ...options }, [4, 2])).toThrow(message);
  });
});

describe('options', () => {
  it('of ReLU', () => {
    const shape = [2, 12];
    const relu = (config: object) => one('ReLU', config, [12]);
    expectValues(relu({ negative_slope: 0.2 }), shape, (v) => (v > 0 ? v : 0.2 * v));
    expectValues(relu({ threshold: 1 }), shape, (v) => (v > 1 ? v : 0));
    expectValues(relu({ threshold: 1, negative_slope: 0.5 }), shape, (v) =>
      v > 1 ? v : 0.5 * (v - 1),
    );
    expectValues(relu({ max_value: 2, negative_slope: 0, threshold: 0 }), shape, (v) =>
      Math.min(2, Math.max(0, v)),
    );
    expect(() => relu({ max_value: 2, negative_slope: 0.1 })).toThrow(
      /one \(ReLU\): max_value expected none/,
    );
  });

  it('of activations that only Keras has', () => {
    const shape = [2, 12];
    expectValues(one('LeakyReLU', { negative_slope: 0.1 }, [12]), shape, (v) =>
      v > 0 ? v : 0.1 * v,
    );
    expectValues(one('ELU', { alpha: 0.7 }, [12]), shape, (v) =>
      v > 0 ? v : 0.7 * (Math.exp(v) - 1),
    );
    expectValues(
      one('Activation', { activation: 'hard_silu' }, [12]),
      shape,
      (v) => (v * Math.min(6, Math.max(0, v + 3))) / 6,
    );
    expectValues(
      one('Activation', { activation: { class_name: 'function', config: 'leaky_relu' } }, [12]),
      shape,
      (v) => (v > 0 ? v : 0.2 * v),
    );
  });

  it('of BatchNormalization: axis 1', () => {
    const shape = [2, 3, 2, 2];
    const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((seed) =>
      new TestRandom(seed).uniforms(3, 0.5, 2),
    );
    const weights: Weights = {
      gamma: [[3], gamma!],
      beta: [[3], beta!],
      moving_mean: [[3], mean!],
      moving_variance: [[3], variance!],
    };
    for (const axis of [1, [1], -3]) {
      expectValues(
        one('BatchNormalization', { axis, epsilon: 0.1 }, shape.slice(1), weights),
        shape,
        (v, i) => {
          const c = Math.floor(i / 4) % 3;
          return (gamma![c]! * (v - mean![c]!)) / Math.sqrt(variance![c]! + 0.1) + beta![c]!;
        },
      );
    }
  });

  it('of Softmax: an axis that is not the last', () => {
    const model = one('Softmax', { axis: 1 }, [3, 2, 2]);
    expectValues(model, [2, 3, 2, 2], (v, i) => {
      const n = Math.floor(i / 12) * 12;
      const sum = [0, 1, 2].reduce((total, c) => total + Math.exp(x[n + 4 * c + (i % 4)]!), 0);
      return Math.exp(v) / sum;
    });
  });

  it('of global pooling: keepdims', () => {
    const average = one('GlobalAveragePooling2D', { keepdims: true }, [2, 3, 2]);
    const max = one('GlobalMaxPooling2D', { keepdims: true }, [2, 3, 2]);
    const values = [0, 1, 2, 3].map((k) =>
      Array.from({ length: 6 }, (_, p) => x[12 * (k >> 1) + 2 * p + (k & 1)]!),
    );
    const input = { data: x, shape: [2, 2, 3, 2] };
    expect(average.predict(input).shape).toEqual([2, 1, 1, 2]);
    expect([...max.predict(input).toArray()]).toEqual(values.map((list) => Math.max(...list)));
    for (const [k, list] of values.entries()) {
      expect(average.predict(input).toArray()[k]).toBeCloseTo(
        list.reduce((a, b) => a + b, 0) / 6,
        5,
      );
    }
  });

  it('of UpSampling2D: bilinear is Keras’s, and refused in a file of TensorFlow.js', () => {
    const config = { size: [2, 2], interpolation: 'bilinear' };
    const y = one('UpSampling2D', config, [1, 2, 1]).predict(Tensor.from([0, 4], [1, 1, 2, 1]));
    expect([...y.toArray()]).toEqual([0, 1, 3, 4, 0, 1, 3, 4]);
    expect(() => one('UpSampling2D', config, [1, 2, 1], {}, 'tfjs-layers 4.22.0')).toThrow(
      /one \(UpSampling2D\): interpolation expected 'nearest'/,
    );
  });

  it('of convolutions: groups and causal padding', () => {
    const kernel = random.normals(2 * 1 * 4);
    const model = one(
      'Conv1D',
      { filters: 4, kernel_size: [2], groups: 2, padding: 'causal', use_bias: false },
      [6, 2],
      { kernel: [[2, 1, 4], kernel] },
    );
    const y = model.predict({ data: x, shape: [2, 6, 2] });
    expect(y.shape).toEqual([2, 6, 4]);
    const at = (n: number, t: number, c: number) => (t < 0 ? 0 : x[12 * n + 2 * t + c]!);
    for (const [i, value] of y.toArray().entries()) {
      const [n, t, o] = [Math.floor(i / 24), Math.floor(i / 4) % 6, i % 4];
      const c = o >> 1;
      expect(value).toBeCloseTo(at(n, t - 1, c) * kernel[o]! + at(n, t, c) * kernel[4 + o]!, 5);
    }
  });

  it('of inputs and outputs: an image stays in front with our layout', () => {
    const modelJson = {
      modelTopology: {
        class_name: 'Sequential',
        config: [{ class_name: 'ReLU', config: { name: 'r', batch_input_shape: [null, 2, 3, 4] } }],
      },
    };
    const model = fromLayersModel(modelJson, []);
    expect(model.predict({ data: x, shape: [1, 4, 2, 3] }).shape).toEqual([1, 4, 2, 3]);
    expect(model.steps.length).toBe(1);
  });
});
