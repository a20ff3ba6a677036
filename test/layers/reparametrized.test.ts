/** What WeightNorm and SpectralNorm have in common: the layer that they own, and the gradient of its weight. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  Conv2d,
  ConvTranspose2d,
  Linear,
  manualSeed,
  memoryUsage,
  Parameter,
  ReLU,
  Sequential,
  SGD,
  SpectralNorm,
  Tensor,
  WeightNorm,
} from '../../src/index.ts';
import { Allocator } from '../../src/memory/allocator.ts';
import { TestRandom } from '../support/random.ts';

const random = new TestRandom(3);
const x = Tensor.from(random.normals(4 * 6), [4, 6]);
const dy = Tensor.from(random.normals(4 * 3), [4, 3]);

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each([
  ['WeightNorm', WeightNorm],
  ['SpectralNorm', SpectralNorm],
] as const)('%s', (name, Wrapper) => {
  it('a layer in two wrappers, or called beside its wrapper, is an error, as in PyTorch', () => {
    const plain = new Linear(6, 3);
    using layer = new Wrapper(plain);
    const expected = layer.predict(x).toArray();
    const message = `Linear(6, 3): is part of ${name}(Linear(6, 3)): call that, or remove() it first`;
    const { used } = memoryUsage();
    for (const Other of [WeightNorm, SpectralNorm]) {
      expect(() => new Other(plain)).toThrow(message);
    }
    expect(memoryUsage().used).toBe(used);
    expect(() => plain.forward(x)).toThrow(message);
    expect(() => plain.predict(x)).toThrow(message);
    using both = new Sequential(new Linear(6, 6), plain);
    expect(() => both.forward(x)).toThrow(message);
    expect(layer.predict(x).toArray()).toEqual(expected);
  });

  it('a removed layer is free again: to be called, and to be wrapped', () => {
    const plain = new Linear(6, 3);
    const first = new Wrapper(plain);
    const y = first.predict(x).toArray();
    expect(first.remove()).toBe(plain);
    expect(plain.predict(x).toArray()).toEqual(y);
    using second = new Wrapper(plain);
    expect(first.remove()).toBe(plain); // a second time it does nothing
    expect(() => plain.predict(x)).toThrow('is part of');
    expect(second.predict(x).shape).toEqual([4, 3]);
  });

  it('a layer that could not be wrapped is not taken', () => {
    using layer = new Linear(6, 3);
    expect(() => new SpectralNorm(layer, { eps: 0 })).toThrow('eps');
    expect(layer.predict(x).shape).toEqual([4, 3]);
    using transposed = new ConvTranspose2d(2, 3, 3);
    expect(() => new SpectralNorm(transposed)).toThrow('first axis');
    expect(transposed.predict(Tensor.zeros([1, 2, 4, 4])).shape).toEqual([1, 3, 6, 6]);
  });

  it('copies are plain layers that can be called', () => {
    using layer = new Wrapper(new Conv2d(2, 3, 3));
    using copy = layer.plainCopy(new Map());
    const images = { data: random.normals(2 * 25), shape: [1, 2, 5, 5] };
    expect(copy.predict(images).toArray()).toEqual(layer.predict(images).toArray());
  });

  it('remove() after freeze() leaves the layer frozen, and with no gradient of the step before', () => {
    for (const frozen of [true, false]) {
      const layer = new Wrapper(new Linear(6, 3));
      layer.forward(x);
      layer.backward(dy);
      if (frozen) layer.freeze();
      using plain = layer.remove();
      expect(plain.parameters().map(({ requiresGrad }) => requiresGrad)).toEqual([
        !frozen,
        !frozen,
      ]);
      expect(plain.weight.grad).toBeNull();
      const before = plain.weight.data.toArray();
      using optimizer = new SGD([plain.weight], { lr: 1 });
      optimizer.step();
      expect(plain.weight.data.toArray()).toEqual(before);
    }
  });

  it('a step that found no memory can be tried again, and adds nothing twice', () => {
    const run = (k: number) => {
      manualSeed(4);
      using model = new Sequential(
        new Wrapper(filled(new Linear(6, 5))),
        new ReLU(),
        new Wrapper(filled(new Linear(5, 3))),
      ).eval();
      let count = 0;
      const { allocate } = Allocator.prototype;
      vi.spyOn(Allocator.prototype, 'allocate').mockImplementation(function (this: Allocator, n) {
        if (++count === k) throw new RangeError('no memory');
        return allocate.call(this, n);
      });
      let failed = '';
      const attempt = (what: string, work: () => void) => {
        try {
          work();
        } catch (error) {
          expect(error).toEqual(new RangeError('no memory'));
          failed = what;
          work();
        }
      };
      attempt('forward', () => model.forward(x));
      attempt('backward', () => model.backward(dy));
      vi.restoreAllMocks();
      const gradients = model.parameters().map(({ grad }) => grad!.toArray());
      return { failed, gradients };
    };
    const expected = run(0).gradients;
    const places = new Set<string>();
    for (let k = 1; ; k++) {
      const { failed, gradients } = run(k);
      if (!failed) break;
      places.add(failed);
      expect(gradients).toEqual(expected);
    }
    expect([...places]).toEqual(['forward', 'backward']);
  });

  it('parameters of the layer that were exchanged are refused, before anything reads them', () => {
    for (const name of ['weight', 'bias'] as const) {
      const plain = new Linear(6, 3);
      using layer = new Wrapper(plain);
      const y = layer.predict(x).toArray();
      const own = plain[name]!;
      Object.assign(plain, { [name]: new Parameter(Tensor.zeros([1])) });
      for (const run of [() => layer.forward(x), () => layer.predict(x)]) {
        expect(run).toThrow(`${layer}: its layer's weight or bias was exchanged`);
      }
      plain[name]!.dispose();
      Object.assign(plain, { [name]: own });
      expect(layer.predict(x).toArray()).toEqual(y);
    }
  });

  it('a model that only predicts has no gradients', () => {
    using layer = new Wrapper(new Linear(60, 30));
    layer.predict(Tensor.zeros([1, 60]));
    const { used } = memoryUsage();
    layer.predict(Tensor.zeros([1, 60]));
    expect(memoryUsage().used).toBe(used);
    layer.forward(Tensor.zeros([1, 60]));
    expect(memoryUsage().used).toBeGreaterThanOrEqual(used + 4 * 60 * 30);
  });
});

/** The layer with the same weights whatever was drawn before. */
function filled(layer: Linear): Linear {
  const values = new TestRandom(8);
  for (const parameter of layer.parameters()) {
    parameter.assign({ data: values.normals(parameter.size), shape: parameter.shape });
  }
  return layer;
}
