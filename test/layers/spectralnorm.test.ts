import { describe, expect, it } from 'vitest';
import {
  Add,
  BatchNorm1d,
  Conv2d,
  ConvTranspose2d,
  fold,
  type Input,
  Linear,
  Module,
  manualSeed,
  memoryUsage,
  ReLU,
  Sequential,
  SpectralNorm,
  Tensor,
  WeightNorm,
} from '../../src/index.ts';
import {
  powerIteration,
  sigma,
  spectralNorm,
  spectralNormGradient,
} from '../reference/spectralnorm.ts';
import { expectClose } from '../support/close.ts';
import { runExamples } from '../support/examples.ts';
import { expectGradient } from '../support/gradient.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';

/** float32 sums of random terms: a few roundings of 6e-8 each on terms of size one. */
const SUMS = { scaled: 2e-6, atol: 2e-6 };

describe('spectral norm kernels', () => {
  it('agree with float64 at the edges of lanes and of float32 sums', () => {
    for (const cols of [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 33, 5001]) {
      for (const rows of [1, 2, 3, 5, 9, ...(cols < 9 ? [256, 257, 600] : [])]) {
        const random = new TestRandom(10 * cols + rows);
        const [w, dw] = [random.normals(rows * cols, 0.5), random.normals(rows * cols)];
        const start = random.normals(rows);
        const expected = powerIteration(w, start, cols, 2);
        const { values: vectors } = kernelCase({
          inputs: { w },
          outputs: { v: { expected: expected.v, ...SUMS } },
          updates: { u: { start, expected: expected.u, ...SUMS } },
          scratch: { partial: (k) => k.powerIterationScratch(rows, cols) },
          call: (k, { u, v, w, partial }) =>
            k.powerIteration(u, v, w, rows, cols, 1e-12, 2, partial),
        });
        const { u, v } = vectors;
        const { values, returned } = kernelCase({
          inputs: { u, v, original: w },
          outputs: { w: { expected: spectralNorm(w, u, v), scaled: 1e-6 } },
          returns: { expected: sigma(w, u, v), rtol: 1e-6 },
          call: (k, { w, u, v, original }) => k.spectralNormForward(w, u, v, original, rows, cols),
        });
        const gradient = spectralNormGradient(dw, w, u, v);
        kernelCase({
          inputs: { dw, w: values.w, u, v },
          updates: {
            dOriginal: {
              start: new Float32Array(rows * cols).fill(1),
              expected: gradient.map((d) => d + 1),
              ...SUMS,
            },
          },
          call: (k, { dOriginal, dw, w, u, v }) =>
            k.spectralNormBackward(dOriginal, dw, w, u, v, returned, rows, cols),
        });
      }
    }
  });

  it('divide by eps what is shorter', () => {
    kernelCase({
      inputs: { w: [3e-3, 4e-3] },
      outputs: { v: { expected: [0.03, 0.04], scaled: 1e-6 } },
      updates: { u: { start: [1], expected: [2.5e-3], scaled: 1e-6 } },
      scratch: { partial: (k) => k.powerIterationScratch(1, 2) },
      call: (k, { u, v, w, partial }) => k.powerIteration(u, v, w, 1, 2, 0.1, 1, partial),
    });
  });
});

describe('the float64 gradient', () => {
  it('is that of finite differences', () => {
    const random = new TestRandom(2);
    const [w, dw] = [random.normals(12), random.normals(12)];
    const { u, v } = powerIteration(w, random.normals(3), 4);
    const gradient = spectralNormGradient(dw, w, u, v);
    expectGradient({ gradient, at: w, of: (w) => spectralNorm(w, u, v), dy: dw });
  });
});

/** The sum of a layer's outputs for several inputs. */
class Several extends Module {
  readonly add = new Add();

  constructor(readonly layer: Module) {
    super();
  }

  override forward(x: Input | readonly Input[]): Tensor {
    const [first, ...rest] = (Array.isArray(x) ? x : [x]).map((input) => this.layer.forward(input));
    return rest.reduce((sum, y) => this.add.forward([sum, y]), first!);
  }
}

/** [rows, cols] with singular values that stand apart, the first 3. */
function stretched(rows: number, cols: number): Float32Array {
  return Float32Array.from({ length: rows * cols }, (_, k) => {
    const [i, j] = [Math.floor(k / cols), k % cols];
    return i === j ? 3 / (i + 1) : 0;
  });
}

describe('SpectralNorm', () => {
  const random = new TestRandom(3);
  const x = Tensor.from(random.normals(4 * 6), [4, 6]);
  const dy = Tensor.from(random.normals(4 * 3), [4, 3]);

  it('starts near the largest singular value, and comes to it', () => {
    const plain = new Linear(6, 5, { bias: false });
    plain.weight.assign({ data: stretched(5, 6), shape: [5, 6] });
    using layer = new SpectralNorm(plain);
    const first = () => layer.predict(Tensor.from([1, 0, 0, 0, 0, 0], [1, 6])).toArray()[0]!;
    expect(Math.abs(first() - 1)).toBeLessThan(1e-4);
    for (let i = 0; i < 5; i++) layer.forward(x);
    expect(Math.abs(first() - 1)).toBeLessThan(1e-6);
  });

  it('is the same from the same seed', () => {
    const drawn = () => {
      manualSeed(4);
      using layer = new SpectralNorm(new Conv2d(2, 3, 3));
      return layer.stateDict();
    };
    expect(drawn()).toEqual(drawn());
  });

  it('predicts without a trace, and a row to the same bits alone', () => {
    using layer = new SpectralNorm(new Linear(6, 3));
    const state = layer.stateDict();
    const y = layer.predict(x).toArray();
    const one = { data: x.toArray().slice(6, 12), shape: [1, 6] };
    expect(layer.predict(one).toArray()).toEqual(y.slice(3, 6));
    expect(layer.stateDict()).toEqual(state);
    layer.forward(x);
    expect(layer.weightU.data.toArray()).not.toEqual(state.weight_u!.toArray());
    expect(layer.parameters()).toEqual([layer.bias, layer.weightOrig]);
    expect(layer.namedBuffers().map(([name]) => name)).toEqual(['weight_u', 'weight_v']);
  });

  it('follows what is loaded, and gives the plain layer back', () => {
    using layer = new SpectralNorm(new Conv2d(2, 3, 3));
    const images = { data: random.normals(2 * 2 * 25), shape: [2, 2, 5, 5] };
    const before = layer.predict(images).toArray();
    const doubled = layer.weightOrig.data.toArray().map((w) => 2 * w);
    layer.weightOrig.assign({ data: doubled, shape: [3, 2, 3, 3] });
    // σ doubles too
    expect(layer.predict(images).toArray()).toEqual(before);
    using conv = layer.remove();
    expect(conv.predict(images).toArray()).toEqual(before);
    expect(Object.keys(conv.stateDict())).toEqual(['weight', 'bias']);
    expect(() => layer.predict(images)).toThrow(/used after dispose/);
    layer.dispose();
    expect(conv.predict(images).toArray()).toEqual(before);
  });

  it('adds two backwards up in a model that fuses, and freezes', () => {
    using model = new Sequential(
      new SpectralNorm(new Linear(6, 5)),
      new ReLU(),
      new SpectralNorm(new Linear(5, 3, { bias: false })),
    ).eval();
    const first = model.at<SpectralNorm>(0);
    const step = () => {
      model.forward(x);
      return model.backward(dy).toArray();
    };
    const dx = step();
    const gradient = first.weightOrig.grad!.toArray();
    expect(step()).toEqual(dx);
    const twice = gradient.map((d) => 2 * d);
    expectClose(first.weightOrig.grad!.toArray(), twice, SUMS, 'dW');
    for (const parameter of model.parameters()) parameter.zeroGrad();
    model.freeze();
    expect(step()).toEqual(dx);
    expect(first.weightOrig.grad!.toArray()).toEqual(gradient.map(() => 0));
  });

  it('takes no memory after its first step, and gives all of it back', () => {
    const { used: before } = memoryUsage();
    {
      using layer = new SpectralNorm(new Linear(6, 3));
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
    expect(() => new SpectralNorm(new BatchNorm1d(3) as never)).toThrow(
      new TypeError(
        'SpectralNorm: expected a layer with a weight of two axes or more, such as Linear or ' +
          'Conv2d, got BatchNorm1d(3)',
      ),
    );
    expect(() => new SpectralNorm(new WeightNorm(new Linear(2, 2)) as never)).toThrow(TypeError);
    expect(() => new SpectralNorm(new ConvTranspose2d(2, 3, 3))).toThrow(
      /^SpectralNorm: expected a weight whose first axis are the outputs, got ConvTranspose2d/,
    );
    for (const nPowerIterations of [0, 1.5, -1]) {
      expect(() => new SpectralNorm(new Linear(2, 2), { nPowerIterations })).toThrow(RangeError);
    }
    expect(() => new SpectralNorm(new Linear(2, 2), { eps: 0 })).toThrow(
      new RangeError('SpectralNorm: eps expected a number > 0, got 0'),
    );
    using layer = new SpectralNorm(new Linear(6, 3));
    const state = layer.stateDict();
    expect(`${layer}`).toBe('SpectralNorm(Linear(6, 3))');
    expect(() => layer.forward(Tensor.zeros([2, 5]))).toThrow(
      new RangeError('Linear(6, 3): input expected [N, …, 6], got [2, 5]'),
    );
    expect(layer.stateDict()).toEqual(state);
  });
});

describe('fold', () => {
  it('has plain layers in the place of normalized weights', () => {
    const random = new TestRandom(5);
    const x = Tensor.from(random.normals(3 * 6), [3, 6]);
    using model = new Several(
      new Sequential(
        new SpectralNorm(new Linear(6, 6)),
        new BatchNorm1d(6),
        new ReLU(),
        new WeightNorm(new Linear(6, 2)),
      ),
    );
    model.forward([x, x]);
    using network = fold(model, [
      [3, 6],
      [3, 6],
    ]);
    expect(network.predict([x, x]).toArray()).toEqual(model.predict([x, x]).toArray());
    expect(network.kept[0]!.reason).toContain(
      'it cannot be folded into SpectralNorm(Linear(6, 6)) before it',
    );
    expect(network.children().map(([, layer]) => `${layer}`)).toContain('Linear(6, 6)');
    model.forward([x, x]);
    expect(network.predict([x, x]).toArray()).not.toEqual(model.predict([x, x]).toArray());
  });
});

it('docs/spectralnorm.md', async () => {
  const { critic, plain } = await runExamples('docs/spectralnorm.md', {
    exported: ['critic', 'plain'],
  });
  expect(`${critic.at(0)}`).toBe('SpectralNorm(Linear(784, 200))');
  expect(critic.predict(Tensor.zeros([2, 784])).shape).toEqual([2, 1]);
  expect(plain.weight.shape).toEqual([200, 784]);
});
