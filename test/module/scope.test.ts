/** scope(): what is made in it and not returned is disposed of. */
import { describe, expect, it } from 'vitest';
import {
  Adam,
  Add,
  BatchNorm1d,
  CrossEntropyLoss,
  ExponentialMovingAverage,
  fold,
  type Input,
  Linear,
  Module,
  memoryUsage,
  Parameter,
  ReLU,
  Sequential,
  SGD,
  SpectralNorm,
  scope,
  Tensor,
  WeightNorm,
} from '../../src/index.ts';

const X = { data: Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)), shape: [4, 3] };
const LABELS = [0, 1, 1, 0];

class Net extends Module {
  readonly layers = { first: new Linear(3, 4), more: [new BatchNorm1d(4), new ReLU()] };
  readonly last = new WeightNorm(new Linear(4, 2));
  readonly add = new Add();
  override forward(x: Input): Tensor {
    let y = this.layers.first.forward(x);
    for (const layer of this.layers.more) y = layer.forward(y);
    return this.last.forward(this.add.forward([y, y]));
  }
}

function train<M extends Module>(model: M) {
  const loss = new CrossEntropyLoss();
  const optimizer = new Adam(model.parameters());
  const ema = new ExponentialMovingAverage(model);
  const y = model.forward(X);
  loss.forward(y, LABELS);
  const dx = model.backward(loss.backward());
  optimizer.step();
  ema.update();
  model.predict(X);
  return { model, loss, optimizer, ema, y, dx };
}

new Linear(1, 1).dispose(); // the generator has its scratch memory from now on

const used = () => memoryUsage().used;

/** Calls `body`, and expects that it leaves as much memory in use as before. */
function expectLevel(body: () => void): void {
  const before = used();
  body();
  expect(used()).toBe(before);
}

describe('scope', () => {
  it('disposes of everything, and returns what the callback returns', () => {
    expectLevel(() => {
      expect(scope(() => train(new Net()).y.toArray().length)).toBe(8);
    });
    expect(scope(() => null)).toBeNull();
    expect(scope(() => undefined)).toBeUndefined();
  });

  it('says so if what it has disposed of is used', () => {
    let model!: Net;
    let made!: ReturnType<typeof train>;
    scope(() => {
      model = new Net();
      made = train(model);
    });
    expect(() => model.forward(X)).toThrow('used after dispose()');
    expect(() => model.predict(X)).toThrow('used after dispose()');
    expect(() => model.backward(Tensor.zeros([4, 2]))).toThrow('after dispose()');
    expect(() => made.optimizer.step()).toThrow('after dispose()');
    expect(() => made.ema.update()).toThrow('dispose');
    expect(() => made.y.toArray()).toThrow('earlier forward');
    expect(() => model.layers.first.weight.data.toArray()).toThrow('used after dispose()');
  });

  it.each<[string, (made: ReturnType<typeof train>) => unknown]>([
    ['a module', ({ model }) => model],
    ['a result', ({ y }) => y],
    ['an input gradient', ({ dx }) => dx],
    ['weight averages', ({ ema }) => ema],
    ['an array', ({ model }) => [1, [model]]],
    [
      'an object of a class',
      ({ model }) =>
        new (class {
          readonly held = { model };
        })(),
    ],
    ['a Map', ({ model }) => new Map([['best', { model }]])],
    ['a Map by its keys', ({ model }) => new Map([[model, 1]])],
    ['a Set', ({ model }) => new Set([model])],
  ])('keeps the model in %s', (_, pick) => {
    expectLevel(() => {
      let model!: Net;
      let expected!: Float32Array;
      const kept = scope(() => {
        model = new Net();
        const made = train(model);
        expected = model.predict(X).toArray();
        return pick(made);
      });
      const others = Array.from({ length: 20 }, () => new Net());
      expect(model.predict(X).toArray()).toEqual(expected);
      for (const other of others) other.dispose();
      const { optimizer, loss, ema } = train(model);
      for (const thing of [model, optimizer, loss, ema]) thing.dispose();
      if (kept instanceof ExponentialMovingAverage) kept.dispose();
    });
  });

  it('keeps an optimizer with its parameters and moments', () => {
    expectLevel(() => {
      let model!: Net;
      const optimizer = scope(() => {
        model = new Net();
        return train(model).optimizer;
      });
      expect(Object.keys(optimizer.stateDict().state).length).toBe(7);
      const { first } = model.layers;
      first.forward(X);
      first.backward(Tensor.zeros([4, 4]));
      optimizer.step();
      expect(() => model.layers.more[0]!.forward(Tensor.zeros([4, 4]))).toThrow('after dispose()');
      model.dispose();
      optimizer.dispose();
    });
  });

  it('keeps a tensor that stands in linear memory, without the rest', () => {
    const before = used();
    let net!: Net;
    const [values, gradient] = scope(() => {
      net = train(new Net()).model;
      return [net.layers.first.weight.data, net.layers.first.bias!.grad!];
    });
    expect(values.toArray().length).toBe(12);
    expect(gradient.toArray().length).toBe(4);
    expect(() => net.last.weightG.data.toArray()).toThrow('used after dispose()');
    net.dispose();
    expect(used()).toBe(before);
  });

  it.each([
    ['WeightNorm', () => new WeightNorm(new Linear(3, 2))],
    ['SpectralNorm', () => new SpectralNorm(new Linear(3, 2))],
    ['fold', () => fold(new Sequential(new Linear(3, 2), new BatchNorm1d(2)))],
  ] as const)('keeps what %s holds out of sight', (_, make) => {
    const made = scope<{ predict(x: Input): Tensor }>(() => make());
    const expected = made.predict(X).toArray();
    const others = Array.from({ length: 50 }, () => new Parameter(Tensor.from([7])));
    expect(made.predict(X).toArray()).toEqual(expected);
    for (const other of others) other.dispose();
  });

  it('leaves alone what was made before it', () => {
    const layer = new Linear(3, 2);
    const optimizer = new SGD(layer.parameters(), { momentum: 0.9 });
    scope(() => {
      const model = new Sequential(layer, new ReLU());
      model.forward(X);
      model.backward(Tensor.zeros([4, 2]));
      optimizer.step(); // its first: the moments are made here
      layer.forward(X);
    });
    layer.backward(Tensor.zeros([4, 2]));
    optimizer.step();
    expect(layer.predict(X).size).toBe(8);
  });

  it('gives what an inner scope returns to the outer one', () => {
    expectLevel(() => {
      const [kept] = scope(() => {
        const inner = scope(() => [new Linear(3, 2), new Linear(3, 2)] as const);
        expect(inner.map((layer) => layer.predict(X).size)).toEqual([8, 8]);
        return [inner[0]];
      });
      kept.dispose();
    });
  });

  it('disposes of everything if the callback throws', async () => {
    const before = used();
    const fail = (): never => {
      train(new Net());
      throw new Error('stop');
    };
    expect(() => scope(fail)).toThrow('stop');
    await expect(scope(async () => fail())).rejects.toThrow('stop');
    expect(used()).toBe(before);
    const after = new Linear(3, 2); // no scope is open
    scope(() => undefined);
    expect(after.predict(X).size).toBe(8);
    after.dispose();
  });

  it('takes an async callback', async () => {
    const before = used();
    const model = await scope(async () => {
      const models = [new Net(), new Net()];
      await Promise.resolve();
      for (const each of models) train(each);
      return models[1]!;
    });
    expect(model.predict(X).size).toBe(8);
    model.dispose();
    expect(used()).toBe(before);
  });

  it('keeps what each of two overlapping async scopes returns', async () => {
    const before = used();
    const one = (ticks: number) =>
      scope(async () => {
        const early = new Net();
        for (let i = 0; i < ticks; i++) await Promise.resolve();
        return [early, new Net()];
      });
    const made = (await Promise.all([one(3), one(9)])).flat();
    for (const model of made) expect(model.predict(X).size).toBe(8);
    for (const model of made) model.dispose();
    expect(used()).toBe(before);
  });
});
