/** Parameters that are put in the place of others, between the steps of a model. */
import { describe, expect, it } from 'vitest';
import {
  BatchNorm1d,
  Conv2d,
  ConvTranspose2d,
  fold,
  GroupNorm,
  InstanceNorm1d,
  Layer,
  type LayerContext,
  LayerNorm,
  Linear,
  manualSeed,
  Normalization,
  Parameter,
  PReLU,
  ReLU,
  RMSNorm,
  Sequential,
  Tensor,
} from '../../src/index.ts';

const X = Tensor.from([
  [1, -2, 3],
  [4, 5, -6],
]);
const DY = Tensor.from([
  [1, 2],
  [3, -4],
]);

type Writable = { weight: Parameter | undefined; bias: Parameter | undefined };

function network(): Sequential {
  manualSeed(9);
  return new Sequential(new Linear(3, 5), new BatchNorm1d(5), new ReLU(), new Linear(5, 2));
}

function step(model: Sequential): (Float32Array | undefined)[] {
  model.zeroGrad();
  const y = model.forward(X).toArray();
  model.backward(DY);
  return [y, ...model.parameters().map(({ grad }) => grad?.toArray())];
}

describe('a parameter that was exchanged', () => {
  it.each([false, true])(
    'is used from the next forward on (the old one disposed of: %s)',
    (gone) => {
      using model = network();
      step(model);
      using fresh = network();
      for (const i of [0, 3]) {
        const layer = model.at(i) as unknown as Writable;
        const old = layer.weight!;
        layer.weight = new Parameter(
          Tensor.from(
            old.data.toArray().map((w) => 2 * w),
            old.shape,
          ),
        );
        if (gone) old.dispose();
        (fresh.at(i) as Linear).weight.assign(layer.weight.data);
      }
      expect(model.parameters()[0]).toBe((model.at(0) as Linear).weight);
      model.at<BatchNorm1d>(1).resetRunningStats();
      expect(step(model)).toEqual(step(fresh));
      expect(model.predict(X).toArray()).toEqual(fresh.predict(X).toArray());
    },
  );

  it('is trained though the one before was frozen, and the other way round', () => {
    using model = network();
    const expected = step(model);
    const layer = model.at(3) as unknown as Writable;
    const [old, copy] = [layer.weight!, new Parameter(layer.weight!.data)];
    old.requiresGrad = false;
    step(model);
    layer.weight = copy;
    model.at<BatchNorm1d>(1).resetRunningStats();
    expect(step(model)).toEqual(expected);
    layer.weight = old;
    old.grad = null;
    step(model);
    expect(old.grad).toBeNull();
  });

  it('after the forward leaves no backward', () => {
    for (const predicts of [false, true]) {
      using model = network();
      model.forward(X);
      const layer = model.at(3) as unknown as Writable;
      const old = layer.weight!;
      layer.weight = new Parameter(old.data);
      if (predicts) model.predict(X);
      expect(() => model.backward(DY)).toThrow('a parameter was changed after the forward');
      step(model);
      old.dispose();
      step(model);
    }
  });

  it('of another shape or kind is refused, and nothing is lost', () => {
    using model = network();
    const expected = step(model);
    const layer = model.at(3) as unknown as Record<string, unknown>;
    const old = layer.weight;
    for (const [other, got] of [
      [new Parameter(Tensor.zeros([1])), 'a Parameter [1]'],
      [new Parameter(Tensor.zeros([5, 2])), 'a Parameter [5, 2]'],
      [Tensor.zeros([2, 5]), 'a Tensor [2, 5]'],
      [null, 'null []'],
    ]) {
      layer.weight = other;
      for (const run of [() => model.forward(X), () => model.predict(X)]) {
        expect(run).toThrow(
          `Linear(5, 2): weight expected a Parameter [2, 5] as before, got ${got}`,
        );
      }
    }
    layer.weight = old;
    model.at<BatchNorm1d>(1).resetRunningStats();
    expect(step(model)).toEqual(expected);
  });

  it('disposed of, and not exchanged, is an error until another one is there', () => {
    using model = network();
    step(model);
    const layer = model.at(3) as unknown as Writable;
    const old = layer.weight!;
    const values = old.data.clone();
    old.dispose();
    for (let i = 0; i < 2; i++) expect(() => model.forward(X)).toThrow('used after dispose()');
    layer.weight = new Parameter(values);
    expect(step(model)).toHaveLength(7);
  });

  it('in an array of a layer of one’s own, too', () => {
    class Scale extends Layer {
      factors = [new Parameter(Tensor.from([2]))];

      override outputShape(shape: readonly number[]) {
        return shape;
      }

      override compute(x: Float32Array, y: Float32Array, ctx: LayerContext): void {
        const [factor] = ctx.values(this.factors[0]!);
        for (let i = 0; i < x.length; i++) y[i] = factor! * x[i]!;
      }

      override differentiate(dy: Float32Array, dx: Float32Array | null): void {
        dx?.set(dy);
      }
    }
    using layer = new Scale();
    expect(layer.forward(Tensor.from([3])).item()).toBe(6);
    layer.factors[0]!.dispose();
    layer.factors[0] = new Parameter(Tensor.from([5]));
    expect(layer.forward(Tensor.from([3])).item()).toBe(15);
  });
});

describe('a layer that was made', () => {
  it.each<[string, Parameter, string]>([
    ['weight', new Parameter(Tensor.zeros([1])), 'expected a Parameter [2, 5] as before, got'],
    ['bias', new Parameter(Tensor.zeros([2])), 'expected nothing, as the layer was made, got'],
  ])('refuses another %s before its first forward', (key, parameter, message) => {
    const layer = new Linear(5, 2, { bias: false });
    (layer as unknown as Record<string, unknown>)[key] = parameter;
    const model = new Sequential(new Linear(3, 5), layer);
    for (const run of [() => model.forward(X), () => model.predict(X)]) {
      expect(run).toThrow(`Linear(5, 2): ${key} ${message}`);
    }
  });

  it.each([
    new Linear(3, 5),
    new Conv2d(1, 2, 3),
    new ConvTranspose2d(1, 2, 3),
    new BatchNorm1d(5),
    new GroupNorm(1, 2),
    new InstanceNorm1d(3),
    new LayerNorm(3),
    new RMSNorm(3),
    new PReLU(3),
    new Normalization(3),
  ])('%s keeps its sizes', (layer) => {
    const sizes = Object.entries(layer).filter(([, value]) => Number.isInteger(value));
    const fixed = sizes.filter(([key]) => !['rate', 'dimensions'].includes(key)); // momentum, and a word for errors
    expect(fixed.length).toBeGreaterThan(0);
    for (const [key] of fixed) {
      expect(() => Object.assign(layer, { [key]: 1e6 })).toThrow(TypeError);
    }
    for (const [key, value] of fixed) expect(layer).toHaveProperty(key, value);
  });

  it('can be copied, and trained with another momentum', () => {
    const layer = new BatchNorm1d(3);
    layer.momentum = 0.5;
    expect(fold(new Sequential(new Linear(3, 3), layer)).predict(X).shape).toEqual([2, 3]);
  });
});
