import { describe, expect, it } from 'vitest';
import {
  BatchNorm1d,
  CrossEntropyLoss,
  Dropout,
  type Input,
  Linear,
  Module,
  manualSeed,
  ReLU,
  Residual,
  Sequential,
  SGD,
  Tensor,
} from '../../src/index.ts';
import { AnomalyError, detectAnomaly, type Observed, observe } from '../../src/inspect/index.ts';
import { TestRandom } from '../support/random.ts';

/** A random tensor; the same in each call of the same shape. */
function randomTensor(shape: number[]): Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return Tensor.from(new TestRandom(5).normals(size), shape);
}

const LABELS = [0, 1, 2, 0, 1, 2];

const network = () =>
  new Sequential({
    fc: new Linear(4, 5),
    bn: new BatchNorm1d(5),
    relu: new ReLU(),
    body: new Residual(new Sequential(new Linear(5, 5), new Dropout(0.5))),
    out: new Linear(5, 3),
  });

/** Trains for some steps, and returns the weights and statistics. */
function train(model: Module, steps = 4): Record<string, number[]> {
  const x = randomTensor([6, 4]);
  const loss = new CrossEntropyLoss();
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  for (let i = 0; i < steps; i++) {
    loss.forward(model.forward(x), LABELS);
    optimizer.zeroGrad();
    model.backward(loss.backward());
    optimizer.step();
  }
  const state = Object.entries(model.stateDict());
  return Object.fromEntries(state.map(([name, value]) => [name, [...value.toArray()]]));
}

describe('predict with at', () => {
  it('returns the outputs of layers, composites and the model, also those that others fuse', () => {
    manualSeed(1);
    const model = network();
    const x = randomTensor([6, 4]);
    const y = model.predict(x).toArray();
    const at = model.predict(x, { at: ['bn', 'relu', 'body', 'out', ''] });
    expect(at.out.toArray()).toEqual(y);
    expect(at[''].toArray()).toEqual(y);
    expect(at.bn.toArray().some((value) => value < 0)).toBe(true);
    expect(at.relu.toArray()).toEqual(at.bn.toArray().map((value) => Math.max(value, 0)));
    expect(at.body.shape).toEqual([6, 5]);
    expect(model.predict(x).toArray()).toEqual(y);
  });

  it('counts the calls of a layer that runs twice', () => {
    class Twice extends Module {
      fc = new Linear(3, 3);
      override forward(x: Input): Tensor {
        return this.fc.forward(this.fc.forward(x));
      }
    }
    const model = new Twice();
    const x = randomTensor([2, 3]);
    const at = model.predict(x, { at: ['fc', 'fc#2'] });
    expect(at['fc#2'].toArray()).toEqual(model.predict(x).toArray());
    expect(at['fc#2'].toArray()).toEqual(model.predict(at.fc, { at: ['fc'] }).fc.toArray());
  });

  it('names the modules there are if one is unknown', () => {
    const model = network();
    expect(() => model.predict(randomTensor([6, 4]), { at: ['bn2'] })).toThrow(
      /got 'bn2': there are fc, bn, relu/,
    );
  });
});

describe('observe', () => {
  it('shows outputs in order and gradients in reverse, every second step', () => {
    const model = network();
    const seen: Observed[] = [];
    using _ = observe(model, (what) => seen.push({ ...what }), { every: 2 });
    train(model, 3);
    const names = ['fc', 'bn', 'relu', 'body.body.0', 'body.body.1', 'body.sum', 'out'];
    const order = [
      ...names.map((name) => `output ${name}`),
      ...[...names].reverse().map((name) => `gradient ${name}`),
    ];
    const ofStep = (step: number) =>
      seen
        .filter((what) => what.step === step && names.includes(what.name))
        .map(({ kind, name }) => `${kind} ${name}`);
    expect(ofStep(1)).toEqual(order);
    expect(ofStep(2)).toEqual([]);
    expect(ofStep(3)).toEqual(order);
  });

  it('changes neither weights, statistics nor random numbers, and ends with stop()', () => {
    const results = [false, true].map((observed) => {
      manualSeed(7);
      const model = network();
      let calls = 0;
      const observation = observed
        ? observe(model, ({ values }) => (calls += values.length))
        : null;
      const state = train(model);
      observation?.stop();
      const before = calls;
      const later = train(model);
      expect(calls).toBe(before);
      expect(calls > 0).toBe(observed);
      return { state, later };
    });
    expect(results[1]).toEqual(results[0]);
  });

  it('shows values that agree with the equations', () => {
    const model = new Sequential({ fc: new Linear(3, 2), relu: new ReLU() });
    const x = randomTensor([4, 3]);
    const dy = randomTensor([4, 2]);
    const seen = new Map<string, Float32Array>();
    using _ = observe(model, ({ kind, name, values }) => seen.set(`${kind} ${name}`, values));
    model.forward(x);
    model.backward(dy);
    const z = seen.get('output fc')!;
    expect(seen.get('output relu')).toEqual(z.map((value) => Math.max(value, 0)));
    expect(seen.get('gradient relu')).toEqual(dy.toArray());
    expect(seen.get('gradient fc')).toEqual(dy.toArray().map((g, i) => (z[i]! > 0 ? g : 0)));
  });

  it('takes names, composites among them, or a function', () => {
    const model = network();
    const names = new Set<string>();
    using _ = observe(model, ({ name }) => names.add(name), { layers: ['body', 'bn'] });
    using __ = observe(model, ({ name }) => names.add(`f ${name}`), {
      layers: (_name, layer) => layer instanceof ReLU,
    });
    train(model, 1);
    expect(names).toEqual(new Set(['body', 'bn', 'f relu']));
    expect(() => observe(model, () => {}, { layers: ['nobody'] })).toThrow(/got 'nobody'/);
  });

  it('refuses to give values after the callback', () => {
    const model = network();
    const kept: Observed[] = [];
    using _ = observe(model, (what) => kept.push(what));
    train(model, 1);
    expect(() => kept[0]!.values).toThrow(/read them in it/);
  });

  it('lets a step fail with the error of its callback, and the next succeed', () => {
    const model = network();
    let fails = true;
    using _ = observe(model, () => {
      if (fails) throw new Error('mine');
    });
    expect(() => train(model, 1)).toThrow('mine');
    fails = false;
    train(model, 1);
  });
});

describe('detectAnomaly', () => {
  const at = (work: () => unknown): Partial<AnomalyError> => {
    try {
      work();
    } catch (error) {
      if (error instanceof AnomalyError) return error;
      throw error;
    }
    throw new Error('no anomaly was found');
  };

  it('names the input', () => {
    const model = network();
    using _ = detectAnomaly(model);
    const x = randomTensor([6, 4]);
    x.set([Number.NaN, ...x.toArray().slice(1)]);
    expect(at(() => model.forward(x))).toMatchObject({ kind: 'input', at: '' });
  });

  it('names the parameter', () => {
    const model = network();
    using _ = detectAnomaly(model);
    const weight = model.namedParameters().find(([name]) => name === 'out.weight')![1];
    weight.assign(Tensor.from(new Float32Array(15).fill(Number.POSITIVE_INFINITY), [3, 5]));
    const found = at(() => train(model, 1));
    expect(found).toMatchObject({ kind: 'parameter', at: 'out.weight' });
    expect(found.message).toMatch(
      /15 of 15 numbers that are not finite, the first Infinity at \[0\]/,
    );
  });

  it('names the output and the gradient that overflow first', () => {
    const model = new Sequential({ a: new Linear(1, 1, { bias: false }), b: new Linear(1, 1) });
    using _ = detectAnomaly(model);
    for (const parameter of model.parameters())
      parameter.assign(Tensor.from([1e30], parameter.shape));
    expect(at(() => model.forward({ data: [1e10], shape: [1, 1] }))).toMatchObject({
      kind: 'output',
      at: 'a',
    });
    model.forward({ data: [1e-30], shape: [1, 1] });
    expect(at(() => model.backward({ data: [1e20], shape: [1, 1] }))).toMatchObject({
      kind: 'gradient',
      at: 'a',
    });
    model.forward({ data: [1e-30], shape: [1, 1] });
    model.backward({ data: [1], shape: [1, 1] });
    expect(model.parameters().every((parameter) => parameter.grad)).toBe(true);
  });
});
