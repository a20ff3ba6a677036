import { describe, expect, it } from 'vitest';
import {
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  CrossEntropyLoss,
  Dropout,
  Flatten,
  fit,
  GlobalAvgPool,
  Linear,
  type Module,
  manualSeed,
  memoryUsage,
  ReLU,
  Sequential,
  SGD,
  Sigmoid,
  Tanh,
  Tensor,
} from '../../src/index.ts';
import {
  reportFromJSON,
  reportToJSON,
  type WatchedLayer,
  type Watcher,
  watch,
} from '../../src/inspect/index.ts';
import * as reference from '../reference/inspect.ts';
import { TestRandom } from '../support/random.ts';

const N = 40;
const LABELS = Array.from({ length: N }, (_, i) => i % 3);

const network = () =>
  new Sequential({
    fc: new Linear(4, 6),
    bn: new BatchNorm1d(6),
    relu: new ReLU(),
    drop: new Dropout(0.2),
    hidden: new Linear(6, 5),
    tanh: new Tanh(),
    out: new Linear(5, 3),
  });

const inputs = (shape = [N, 4], seed = 5) =>
  Tensor.from(new TestRandom(seed).normals(shape.reduce((a, b) => a * b)), shape);

/** Trains for some steps; before each, calls `each` with its number. */
function train(
  model: Module,
  steps: number,
  { x = inputs(), lr = 0.1, loss = new CrossEntropyLoss() } = {},
): Record<string, number[]> {
  const optimizer = new SGD(model.parameters(), { lr });
  for (let i = 0; i < steps; i++) {
    loss.forward(model.forward(x), LABELS);
    optimizer.zeroGrad();
    model.backward(loss.backward());
    optimizer.step();
  }
  const state = Object.entries(model.stateDict());
  return Object.fromEntries(state.map(([name, value]) => [name, [...value.toArray()]]));
}

const layerOf = (watcher: Watcher, name: string): WatchedLayer =>
  watcher.last!.layers.find((layer) => layer.name === name)!;

describe('watch', () => {
  it('changes no bit of weights, statistics and random numbers', () => {
    const [plain, watched] = [false, true].map((on) => {
      manualSeed(3);
      const model = network();
      const watcher = on ? watch(model, { every: 2 }) : undefined;
      const state = train(model, 5);
      expect(watcher?.report().watched).toBe(on ? 3 : undefined);
      watcher?.stop();
      return { state, later: train(model, 2) };
    });
    expect(watched).toEqual(plain);
  });

  it('gives the figures of the outputs that predict and the equations give', () => {
    manualSeed(1);
    const model = new Sequential({ fc: new Linear(4, 6), tanh: new Tanh(), out: new Linear(6, 3) });
    const x = inputs();
    const at = model.predict(x, { at: ['fc', 'tanh', 'out'] });
    using watcher = watch(model);
    train(model, 1, { x });
    for (const name of ['fc', 'tanh', 'out'] as const) {
      const values = at[name].toArray();
      const units = at[name].shape[1]!;
      const { output, largest } = layerOf(watcher, name);
      const [all] = reference.unitMoments(values, 1, 1, values.length);
      expect(output.mean).toBeCloseTo(all!.mean, 6);
      expect(output.sd).toBeCloseTo(Math.sqrt(all!.scatter / values.length), 6);
      expect([output.min, output.max]).toEqual([all!.min, all!.max]);
      const fractions = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
      expect(output.percentiles).toEqual(reference.quantiles(values, fractions));
      expect(largest).toEqual(reference.unitMoments(values, N, units, 1).map(({ max }) => max));
      const { from, to, counts, below, above } = output.histogram;
      expect([...counts, below, above]).toEqual(reference.histogram(values, from, to, 30));
      expect(counts.reduce((a, b) => a + b) + below + above).toBe(values.length);
    }
    expect(watcher.last!.inputs[0]).toMatchObject({ shape: [N, 4], size: 4 * N, notFinite: 0 });
  });

  it('gives norms of weights, gradients and updates', () => {
    manualSeed(1);
    const model = network();
    const before = model.stateDict();
    const watcher = watch(model);
    const after = train(model, 1, { lr: 0.5 });
    const [weight, bias] = layerOf(watcher, 'hidden').parameters;
    const norm = (values: ArrayLike<number>) =>
      Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0));
    const old = before['hidden.weight']!.toArray();
    expect(weight!.name).toBe('hidden.weight');
    expect(weight!.norm).toBeCloseTo(norm(old), 6);
    const update = norm(after['hidden.weight']!.map((value, i) => value - old[i]!));
    expect(weight!.updateNorm).toBeCloseTo(update, 10);
    expect(weight!.gradientNorm).toBeCloseTo(update / 0.5, 5);
    expect(bias!.size).toBe(5);
    expect(layerOf(watcher, 'relu').parameters).toEqual([]);
    watcher.stop();
    expect(layerOf(watcher, 'hidden').parameters[0]!.updateNorm).toBeCloseTo(update, 10);
  });

  it('does not know updates before the optimizer has run, and those of frozen weights are 0', () => {
    const model = network();
    model.namedParameters()[0]![1].requiresGrad = false;
    using watcher = watch(model);
    const loss = new CrossEntropyLoss();
    loss.forward(model.forward(inputs()), LABELS);
    model.backward(loss.backward());
    expect(layerOf(watcher, 'out').parameters[0]!.updateNorm).toBeNaN();
    expect(layerOf(watcher, 'fc').parameters[0]).toMatchObject({ gradientNorm: 0, updateNorm: 0 });
  });

  it('counts dead, inactive and saturated units', () => {
    const model = new Sequential({ fc: new Linear(2, 4), relu: new ReLU(), s: new Sigmoid() });
    model.loadStateDict({
      'fc.weight': Tensor.from([0, 0, 0, 0, 0, 0, 0, 0], [4, 2]),
      'fc.bias': Tensor.from([-1, 0, 2, 9], [4]),
    });
    using watcher = watch(model, { layers: ['relu', 's'] });
    model.forward(inputs([10, 2]));
    model.forward(inputs([10, 2]));
    expect(layerOf(watcher, 'relu')).toMatchObject({ dead: 0.5, inactive: 0.5 });
    expect(layerOf(watcher, 'relu').largest).toEqual([0, 0, 2, 9]);
    expect(layerOf(watcher, 's')).toMatchObject({ saturated: 0.25, stuck: 0.25 });
    expect(layerOf(watcher, 's').gradient).toBeUndefined();
  });

  it('compares batch and running statistics, of channels too', () => {
    const bn = new BatchNorm2d(3);
    const model = new Sequential({ bn, pool: new GlobalAvgPool(), flat: new Flatten() });
    bn.weight!.assign(Tensor.from([1, 2, 0.5]));
    const x = inputs([N, 3, 2, 2]);
    const given = x.toArray();
    const eager = bn.predict(x).toArray();
    const trained = bn.forward(x).toArray();
    bn.resetRunningStats();
    using watcher = watch(model);
    train(model, 1, { x, lr: 0 });
    const { batchNorm: record, shape } = layerOf(watcher, 'bn');
    expect(shape).toEqual([N, 3, 2, 2]);
    expect(watcher.last!.layers.map(({ name }) => name)).toEqual(['bn', 'pool']);
    const stats = reference.unitMoments(given, N, 3, 4);
    for (const [j, { mean, scatter }] of stats.entries()) {
      expect(record!.batchMean[j]).toBeCloseTo(mean, 6);
      expect(record!.batchVariance[j]).toBeCloseTo(scatter / (4 * N), 6);
    }
    expect(record).toMatchObject({
      gamma: [1, 2, 0.5],
      beta: [0, 0, 0],
      values: 4 * N,
      samples: N,
    });
    expect(record).toMatchObject({ runningMean: [0, 0, 0], runningVariance: [1, 1, 1] });
    const squares = (of: (i: number) => number) =>
      trained.reduce((sum, _, i) => sum + of(i) ** 2, 0);
    const gap = Math.sqrt(squares((i) => trained[i]! - eager[i]!) / squares((i) => trained[i]!));
    expect(record!.gap).toBeCloseTo(gap, 5);
    const distance = Math.sqrt(stats.reduce((sum, { mean }) => sum + mean ** 2, 0) / 3);
    expect(record!.meanDistance).toBeCloseTo(distance, 4);
  });

  it('works in fit, skips evaluation, and notes loss and learning rate', async () => {
    const model = network();
    const loss = new CrossEntropyLoss();
    const optimizer = new SGD(model.parameters(), { lr: 0.25 });
    using watcher = watch(model, { every: 2, loss, optimizer });
    const losses: number[] = [];
    const data = { inputs: inputs(), targets: LABELS };
    const options = { loss, optimizer, epochs: 3, batchSize: 20, validation: data };
    for await (const step of fit(model, data, options)) losses.push(step.loss);
    model.eval();
    model.forward(inputs());
    const { steps, watched, history } = watcher.report();
    expect({ steps, watched }).toEqual({ steps: 6, watched: 3 });
    expect(history.steps).toEqual([1, 3, 5]);
    expect(history.loss).toEqual([losses[0], losses[2], losses[4]]);
    expect(history.lr).toEqual([0.25, 0.25, 0.25]);
    expect(history.layers.fc!.updateNorm.every((norm) => norm > 0)).toBe(true);
    expect(history.layers.fc!.percentiles.map((series) => series.length)).toEqual(Array(7).fill(3));
  });

  it('bounds the history, from the first step to the last, all series of one length', () => {
    const model = new Sequential({ out: new Linear(4, 3) });
    using watcher = watch(model, { every: 1, history: 8 });
    train(model, 21);
    const { history, last, first } = watcher.report();
    expect(history.steps).toEqual([1, 5, 9, 13, 17, 21]);
    expect([first!.step, last!.step]).toEqual([1, 21]);
    const { percentiles, largest, ...series } = history.layers.out!;
    for (const one of [...Object.values(series), ...percentiles, ...largest, history.loss]) {
      expect(one).toHaveLength(6);
    }
    expect(series.updateNorm.every((norm) => norm > 0)).toBe(true);
  });

  it('takes an even sample of a large tensor, and all of it when asked', () => {
    const model = new Sequential({ out: new Linear(4, 3) });
    using some = watch(model, { sample: 50 });
    using all = watch(model, { sample: Number.POSITIVE_INFINITY });
    train(model, 1);
    expect(some.last!.inputs[0]!.sampled).toBe(23); // every 7th of 160: 4, 5 and 6 share a factor with it
    expect(all.last!.inputs[0]!.sampled).toBe(160);
    expect(some.last!.inputs[0]!.mean).toBe(all.last!.inputs[0]!.mean);
  });

  it('gives plain data of its own, that survives messages and JSON', () => {
    const model = network();
    using watcher = watch(model, { every: 1 });
    train(model, 2);
    const report = watcher.report();
    const text = reportToJSON(report);
    train(model, 3);
    expect(reportToJSON(report)).toBe(text);
    expect(structuredClone(report)).toEqual(report);
    expect(reportFromJSON(text)).toEqual(report);
    expect(report.history.loss[0]).toBeNaN();
    expect(reportFromJSON(text).history.loss[0]).toBeNaN();
    expect(() => reportFromJSON('[]')).toThrow(/expected what watcher.report\(\) returns/);
  });

  it('releases its memory, and survives a model that is disposed', () => {
    const model = network();
    const loss = new CrossEntropyLoss();
    watch(model, { every: 1 }).stop();
    using _ = watch(model, { every: 1 });
    train(model, 2, { loss });
    const before = memoryUsage().used;
    const watcher = watch(model, { every: 1 });
    train(model, 1, { loss });
    expect(memoryUsage().used).toBeGreaterThan(before);
    watcher.stop();
    expect(memoryUsage().used).toBe(before);
    model.dispose();
    expect(Number.isNaN(layerOf(watcher, 'fc').parameters[0]!.norm)).toBe(false);
  });

  it('watches convolutions by channel, and models without batch norm', () => {
    const model = new Sequential({ conv: new Conv2d(1, 3, 3), relu: new ReLU() });
    using watcher = watch(model);
    model.forward(inputs([5, 1, 6, 6]));
    model.backward(inputs([5, 3, 4, 4]));
    expect(layerOf(watcher, 'relu').largest).toHaveLength(3);
    expect(layerOf(watcher, 'relu').gradient!.norm).toBeGreaterThan(0);
  });

  it('refuses wrong options', () => {
    const model = network();
    expect(() => watch(model, { layers: ['no'] })).toThrow(
      /watch: layers expected names .* got 'no'/,
    );
    expect(() => watch(model, { every: 0 })).toThrow(/watch: every/);
    expect(() => watch(model, { history: 1 })).toThrow(/watch: history/);
  });
});
