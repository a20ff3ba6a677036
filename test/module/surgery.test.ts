/** Changes of a network's layers, and copies of it. */
import { describe, expect, it } from 'vitest';
import {
  Adam,
  BatchNorm1d,
  Conv2d,
  defaultGenerator,
  Generator,
  GRU,
  Linear,
  LSTM,
  type Module,
  MultiheadAttention,
  manualSeed,
  ReLU,
  Sequential,
  SpectralNorm,
  Tanh,
  Tensor,
  TransformerEncoderLayer,
  WeightNorm,
} from '../../src/index.ts';

const x = Tensor.from([1, -2, 3, 4, 0.5, -6, 7, 8, -9, 1, 2, 3], [3, 4]);
const names = (model: Sequential) => model.children().map(([name]) => name);

describe('Sequential', () => {
  it('knows the types of its layers', () => {
    const model = new Sequential(new Linear(4, 2), new ReLU());
    expect(model.at(0).weight.shape).toEqual([2, 4]);
    const named = new Sequential({ fc: new Linear(4, 2), act: new ReLU() });
    expect(named.at('fc').weight.shape).toEqual([2, 4]);
    expect(new Sequential(new ReLU(), new Linear(2, 3)).at(-1).weight.shape).toEqual([3, 2]);
  });

  it('set, insert, append and slice', () => {
    const [a, b, c, d] = [new Linear(4, 4), new ReLU(), new Linear(4, 2), new Tanh()];
    const model: Sequential = new Sequential(a, c);
    expect(model.forward(x).shape).toEqual([3, 2]);
    model.insert(1, b).append(d);
    expect([...model]).toEqual([a, b, c, d]);
    expect(names(model)).toEqual(['0', '1', '2', '3']);
    const expected = d.predict(c.predict(b.predict(a.predict(x)))).toArray();
    expect(model.predict(x).toArray()).toEqual(expected);
    const wide = new Linear(4, 5);
    model.set(-2, wide);
    expect(model.at(2)).toBe(wide);
    expect(model.forward(x).shape).toEqual([3, 5]);
    const part = model.slice(1, 3);
    expect(names(part)).toEqual(['1', '2']);
    expect([...part]).toEqual([b, wide]);
    expect(Object.keys(part.stateDict())).toEqual(['2.weight', '2.bias']);
    model.insert(-1, new BatchNorm1d(5));
    expect(model.at(3)).toBeInstanceOf(BatchNorm1d);
    const named: Sequential = new Sequential({ fc: a });
    named.append(b, 'act').insert(0, d, 'first');
    expect(names(named)).toEqual(['first', 'fc', 'act']);
  });

  it('refuses what cannot stand there, and stays as it was', () => {
    const [a, b] = [new Linear(4, 4), new ReLU()];
    const model: Sequential = new Sequential(a, b);
    expect(() => model.set(2, new ReLU())).toThrow(
      'Sequential.set: expected a layer of 0, 1, got 2',
    );
    expect(() => model.set('x', new ReLU())).toThrow('got x');
    expect(() => model.append(a)).toThrow('the same Linear(4, 4) twice');
    expect(() => model.insert(3, new ReLU())).toThrow('from -2 to 2');
    expect(() => model.insert(0.5, new ReLU())).toThrow('whole number');
    expect(() => model.append({} as never)).toThrow('expected layers, got a Object');
    expect(() => model.append(new ReLU(), '0')).toThrow('expected a name that is free, got 0');
    expect([...model]).toEqual([a, b]);
    model.set(0, a); // its own place
  });
});

describe('clone', () => {
  it('has values of its own, in the same mode', () => {
    const model = new Sequential(
      new Linear(4, 3),
      new BatchNorm1d(3),
      new Sequential(new ReLU()),
    ).eval();
    model.at(0).weight.requiresGrad = false;
    const copy = model.clone();
    expect(copy.stateDict()).toEqual(model.stateDict());
    expect(copy.training).toBe(false);
    expect(copy.at(0).weight.requiresGrad).toBe(false);
    const before = model.predict(x).toArray();
    expect(copy.predict(x).toArray()).toEqual(before);
    copy.train().forward(x);
    copy.backward({ data: new Float32Array(9).fill(1), shape: [3, 3] });
    new Adam(copy.parameters()).step();
    copy.at(2).append(new Tanh());
    expect(model.predict(x).toArray()).toEqual(before);
    copy.dispose();
    expect(model.predict(x).toArray()).toEqual(before);
  });

  it('keeps ties', () => {
    const [a, b] = [new Linear(4, 4), new Linear(4, 4)];
    (b as { weight: unknown }).weight = a.weight;
    const copy = new Sequential(a, b).clone();
    expect(copy.at(0).weight).toBe(copy.at(1).weight);
    expect(copy.at(0).weight).not.toBe(a.weight);
  });

  it('of layers as they were made: sizes cannot be assigned', () => {
    const copy = new Conv2d(1, 2, 3).clone();
    (copy as { weight: unknown }).weight = new Linear(2, 2).weight;
    expect(() => copy.forward(Tensor.zeros([1, 1, 4, 4]))).toThrow(
      'expected a Parameter [2, 1, 3, 3]',
    );
  });

  it.each([
    () => new LSTM(4, 3, { numLayers: 2, bidirectional: true }),
    () => new GRU(4, 3, { returns: 'last', batchFirst: true }),
    () => new MultiheadAttention(4, 2, { causal: true }),
    () => new TransformerEncoderLayer(4, 2, { dimFeedforward: 5 }),
  ])('of sequence layers trains like them, and leaves them alone', (make) => {
    const model = make();
    const copy = model.clone();
    const input = new Generator(2).normal([2, 3, 4]);
    const before = model.stateDict();
    const train = (each: Module) => {
      manualSeed(3);
      const y = each.forward(input) as Tensor;
      each.backward(y.clone());
      new Adam(each.parameters()).step();
    };
    train(copy);
    expect(model.stateDict()).toEqual(before);
    expect(copy.stateDict()).not.toEqual(before);
    train(model);
    expect(copy.stateDict()).toEqual(model.stateDict());
    expect(copy.predict(input).toArray()).toEqual(model.predict(input).toArray());
  });

  it.each([
    () => new WeightNorm(new Linear(4, 3)),
    () => new SpectralNorm(new Linear(4, 3), { nPowerIterations: 2 }),
  ])('of wrappers trains like them', (make) => {
    const model = make();
    const { state } = defaultGenerator;
    const copy = model.clone();
    expect(defaultGenerator.state).toEqual(state);
    const dy = Tensor.from([1, 2, 3, -4, 5, 6, -7, 8, 9], [3, 3]);
    for (const each of [model, copy]) {
      each.forward(x);
      each.backward(dy);
      new Adam(each.parameters()).step();
    }
    expect(copy.stateDict()).toEqual(model.stateDict());
    model.dispose();
    expect(copy.predict(x).shape).toEqual([3, 3]);
  });
});
