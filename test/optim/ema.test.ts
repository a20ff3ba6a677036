import { afterEach, describe, expect, it } from 'vitest';
import {
  AveragedModel,
  ExponentialMovingAverage,
  Linear,
  Module,
  memoryUsage,
  Sequential,
} from '../../src/index.ts';
import { Buffer } from '../../src/tensor/parameter.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { expectClose } from '../support/close.ts';
import { TestRandom } from '../support/random.ts';

const made: { dispose(): void }[] = [];
afterEach(() => {
  for (const thing of made.splice(0).reverse()) thing.dispose();
});

function track<T extends { dispose(): void }>(thing: T): T {
  made.push(thing);
  return thing;
}

/** A layer with a buffer beside its weight. */
class WithBuffer extends Module {
  linear = new Linear(3, 2);
  runningMean = new Buffer(Tensor.from([1, 2, 3]));
}

function values(model: Module): number[][] {
  return Object.values(model.stateDict()).map((tensor) => Array.from(tensor.toArray()));
}

function scramble(model: Module, seed: number): void {
  const random = new TestRandom(seed);
  const state = Object.entries(model.stateDict()).map(([name, tensor]) => {
    return [name, { shape: tensor.shape, data: random.normals(tensor.size) }];
  });
  model.loadStateDict(Object.fromEntries(state));
}

describe('ExponentialMovingAverage', () => {
  it('apply and restore change places, bit for bit, and mark the weights as written', () => {
    const model = track(new Sequential(new Linear(3, 5), new Linear(5, 2)));
    const first = values(model);
    const average = track(new ExponentialMovingAverage(model));
    scramble(model, 1);
    const own = values(model);
    const { version } = model.parameters()[0]!;
    average.apply();
    expect(model.parameters()[0]!.version).toBeGreaterThan(version);
    expect(values(model)).toEqual(first);
    expect(() => average.apply()).toThrow('applied twice');
    expect(() => average.update()).toThrow('call restore() first');
    average.restore();
    expect(values(model)).toEqual(own);
    expect(() => average.restore()).toThrow('restore without apply()');
    expect(() =>
      average.during(() => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(values(model)).toEqual(own);
  });

  it('during an async action, until it has settled', async () => {
    const model = track(new Linear(3, 2));
    const averages = values(model);
    const average = track(new ExponentialMovingAverage(model));
    scramble(model, 1);
    const own = values(model);
    const seen: number[][][] = [];
    const action = async () => {
      await null;
      seen.push(values(model));
      await new Promise((resolve) => setTimeout(resolve, 1));
      seen.push(values(model));
      return 7;
    };
    const running = average.during(action);
    expect(values(model)).toEqual(averages);
    expect(() => average.update()).toThrow('call restore() first');
    expect(await running).toBe(7);
    expect(seen).toEqual([averages, averages]);
    expect(values(model)).toEqual(own);

    const rejected = average.during(async () => {
      await action();
      throw new Error('inside');
    });
    expect(values(model)).toEqual(averages);
    await expect(rejected).rejects.toThrow('inside');
    expect(values(model)).toEqual(own);

    // biome-ignore lint/suspicious/noThenProperty: what another library's promise may be
    const thenable = { then: (resolve: (value: number) => void) => resolve(3) };
    expect(await average.during(() => thenable)).toBe(3);
    expect(values(model)).toEqual(own);
  });

  it('does not restore twice if the action restores or disposes of the averages', async () => {
    const model = track(new Linear(3, 2));
    const average = track(new ExponentialMovingAverage(model));
    scramble(model, 1);
    const own = values(model);
    average.during(() => average.restore());
    expect(values(model)).toEqual(own);
    await average.during(async () => {
      await null;
      average.dispose();
    });
    expect(values(model)).toEqual(own);
  });

  it('of a model that was disposed of, or a part of it: an error, and no memory taken', () => {
    const model = new Sequential(new Linear(3, 2), new Linear(2, 1));
    const { used } = memoryUsage();
    const average = new ExponentialMovingAverage(model);
    const [, last] = model as unknown as Module[];
    last!.dispose();
    expect(() => average.update()).toThrow('update after dispose() of the model or a part of it');
    expect(() => average.apply()).toThrow('make a new average');
    expect(() => average.loadStateDict(null as never)).toThrow('loadStateDict after dispose()');
    average.dispose();
    expect(() => new ExponentialMovingAverage(model)).toThrow('used after dispose()');
    expect(memoryUsage().used).toBeLessThan(used);
    model.dispose();
  });

  it('averages buffers by option', () => {
    for (const buffers of [false, true]) {
      const model = track(new WithBuffer());
      const average = track(new ExponentialMovingAverage(model, { decay: 0.75, buffers }));
      model.runningMean.assign(Tensor.from([5, 6, 7]));
      average.update();
      const found = average.during(() => Array.from(model.runningMean.data.toArray()));
      expect(found).toEqual(buffers ? [2, 3, 4] : [5, 6, 7]);
    }
  });

  it('warmup: the first updates count more', () => {
    const model = track(new Linear(1, 1, { bias: false }));
    const [weight] = model.parameters();
    weight!.assign(Tensor.from([[0]]));
    const average = track(new ExponentialMovingAverage(model, { warmup: true }));
    let expected = 0;
    for (let t = 1; t <= 5; t++) {
      weight!.assign(Tensor.from([[t]]));
      average.update();
      const decay = (1 + t) / (10 + t);
      expected = decay * expected + (1 - decay) * t;
    }
    expectClose(
      average.during(() => weight!.data.toArray()),
      [expected],
      { rtol: 1e-6 },
    );
  });

  it('state dict: the averages by the model’s names, loaded without touching the model', () => {
    const model = track(new WithBuffer());
    const average = track(new ExponentialMovingAverage(model, { decay: 0.5 }));
    scramble(model, 1);
    average.update();
    const stored = average.stateDict();
    expect(Object.keys(stored.state)).toEqual(Object.keys(model.stateDict()));
    average.apply();
    expect(average.stateDict()).toEqual(stored);
    average.restore();

    for (const applied of [false, true]) {
      scramble(model, 2);
      const own = values(model);
      const other = track(new ExponentialMovingAverage(model, { decay: 0.5 }));
      if (applied) other.apply();
      other.loadStateDict(stored);
      expect(other.updates).toBe(1);
      if (applied) other.restore();
      expect(values(model)).toEqual(own);
      other.apply();
      const loaded = model.stateDict();
      for (const name of ['linear.weight', 'linear.bias']) {
        expect(loaded[name]).toEqual(stored.state[name]);
      }
      other.restore();
      const { 'linear.bias': _, ...lacking } = stored.state;
      expect(() => other.loadStateDict({ updates: 9, state: lacking })).toThrow('missing');
      expect(other.updates).toBe(1);
      expect(values(model)).toEqual(own);
    }
  });

  it('AveragedModel: the mean of all updates, whatever stood there at first', () => {
    const model = track(new Linear(1, 1, { bias: false }));
    const [weight] = model.parameters();
    weight!.assign(Tensor.from([[Number.NaN]]));
    const average = track(new AveragedModel(model));
    for (const w of [0.1, 0.5, 3, 4]) {
      weight!.assign(Tensor.from([[w]]));
      average.update();
    }
    const mean = () => average.during(() => weight!.data.toArray());
    expectClose(mean(), [1.9], { rtol: 1e-6 });
    // Weights that stay leave the average with the same bits.
    weight!.assign({ data: mean(), shape: [1, 1] });
    const before = mean();
    for (let i = 0; i < 50; i++) average.update();
    expect(mean()).toEqual(before);
    expect(average.stateDict().updates).toBe(54);
    average.apply();
    expect(() => average.update()).toThrow('AveragedModel: update while applied');
    expect(() => average.apply()).toThrow('AveragedModel: applied twice');
    expect(() => new AveragedModel(model, { decay: 0.9 } as never)).toThrow('unknown option decay');
  });

  it('gives its memory back', () => {
    const model = track(new Linear(30, 50));
    const before = memoryUsage().used;
    const average = new ExponentialMovingAverage(model);
    average.update();
    const own = values(model);
    average.apply();
    average.dispose();
    average.dispose();
    expect(values(model)).toEqual(own);
    expect(memoryUsage().used).toBe(before);
    expect(() => average.update()).toThrow('after dispose()');
    expect(() => new ExponentialMovingAverage(model, { decay: 1.5 })).toThrow('decay');
  });
});
