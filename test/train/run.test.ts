/** What a run of `fit` is: a promise of its history, and an iterator of its steps. */
import { describe, expect, it } from 'vitest';
import { augment, type Batch, batches } from '../../src/data/index.ts';
import {
  accuracy,
  confusionMatrix,
  evaluate,
  f1Score,
  fit,
  type History,
  type Progress,
  SGD,
  StepLR,
  Tensor,
} from '../../src/index.ts';
import { clouds, setup } from '../support/clouds.ts';

const bitsOf = ({ model }: ReturnType<typeof setup>) =>
  Object.values(model.stateDict()).flatMap((tensor) => [...tensor.toArray()]);

const copied = ({ inputs, targets }: Batch): Batch => ({
  inputs: { ...inputs, data: inputs.data.slice() },
  targets: (targets as Int32Array).slice() as never,
});

/** Gives batches one after the other, each in a later turn of the event loop. */
async function* arriving(source: Iterable<Batch>) {
  for (const batch of source) {
    await new Promise((resolve) => setTimeout(resolve));
    yield batch;
  }
}

describe('a run that is awaited', () => {
  it('trains as one that is iterated over, and resolves to what that has seen', async () => {
    const [a, b] = [setup(), setup()];
    const options = {
      ...{ epochs: 3, batchSize: 40, seed: 1, validation: clouds(90, 2) },
      metrics: { wrong: (p: Tensor, t: Int32Array) => 1 - accuracy(p, t), f1: f1Score },
    };
    const history = await fit(a.model, clouds(310, 2), { ...withoutModel(a), ...options });
    const seen: Progress[] = [];
    const run = fit(b.model, clouds(310, 2), { ...withoutModel(b), ...options });
    for await (const progress of run) seen.push(progress);
    expect(bitsOf(a)).toEqual(bitsOf(b));
    expect(await run).toBe(run.history);
    expect(run.history).toEqual(history);
    expect(history.epochs.map(({ epoch, steps }) => [epoch, steps])).toEqual([
      [1, 8],
      [2, 8],
      [3, 8],
    ]);
    for (const summary of history.epochs) {
      const steps = seen.filter(({ epoch }) => epoch === summary.epoch);
      const mean = (of: (step: Progress) => number) =>
        steps.reduce((sum, step) => sum + of(step) * (step.step < 8 ? 40 : 30), 0) / 310;
      expect(summary.loss).toBeCloseTo(
        mean(({ loss }) => loss),
        12,
      );
      expect(summary.accuracy).toBeCloseTo(
        mean((step) => step.accuracy),
        12,
      );
      expect(summary.metrics.wrong).toBeCloseTo(1 - summary.accuracy, 12);
      expect(summary.validation).toEqual(steps.at(-1)!.validation);
    }
    const best = history.epochs.reduce((x, y) => (y.validation!.loss < x.validation!.loss ? y : x));
    expect(history.best).toBe(best);
    expect(history.stopped).toBe(false);
  });

  it('measures an epoch as a whole where the metric counts', async () => {
    const { model, ...rest } = setup();
    const data = clouds(50, 2);
    const labels: number[] = [];
    const best: number[] = [];
    const recording = (p: Tensor, t: Int32Array) => {
      labels.push(...t);
      best.push(...p.toArray());
      return 0;
    };
    const metrics = { recording, f1: f1Score, confusion: confusionMatrix };
    const { epochs } = await fit(model, data, { ...rest, batchSize: 7, metrics, dropLast: true });
    const all = Tensor.from(new Float32Array(best), [49, 3]);
    expect(epochs[0]!.metrics.f1).toBe(f1Score(all, labels));
    expect(epochs[0]!.metrics.confusion).toEqual(confusionMatrix(all, labels));
  });

  it('does nothing before, and trains once however often it is awaited', async () => {
    const one = setup();
    const before = bitsOf(one);
    const run = fit(one.model, clouds(60), { ...withoutModel(one), batchSize: 20 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(bitsOf(one)).toEqual(before);
    const [first, second] = await Promise.all([run, run]);
    const after = bitsOf(one);
    expect(after).not.toEqual(before);
    expect(await run).toBe(first);
    expect(second).toBe(first);
    for await (const _ of run) throw new Error('a run that has ended has no more steps');
    expect(bitsOf(one)).toEqual(after);
    expect(one.model.stateDict()['1.num_batches_tracked']!.item()).toBe(3);
  });

  it('goes on where a loop stands, and ends where it was left', async () => {
    const [a, b] = [setup(), setup()];
    const options = { batchSize: 20, epochs: 2, seed: 4 };
    await fit(a.model, clouds(60), { ...withoutModel(a), ...options });
    const run = fit(b.model, clouds(60), { ...withoutModel(b), ...options });
    await run.next();
    expect((await run).epochs).toHaveLength(2);
    expect(bitsOf(b)).toEqual(bitsOf(a));

    const c = setup();
    const left = fit(c.model, clouds(60), { ...withoutModel(c), ...options });
    for await (const { epoch, step } of left) if (epoch === 2 && step === 1) break;
    const then = bitsOf(c);
    expect((await left).epochs.map(({ epoch }) => epoch)).toEqual([1]);
    expect(bitsOf(c)).toEqual(then);
  });

  it('rejects with the error that ended it, whoever met it first', async () => {
    const { model, ...rest } = setup();
    const beforeStep = () => {
      throw new Error('mine');
    };
    const run = fit(model, clouds(60), { ...rest, beforeStep });
    await expect(run).rejects.toThrow('mine');
    await expect(run).rejects.toThrow('mine');
    const other = fit(model, clouds(60), { ...rest, beforeStep });
    await expect(other.next()).rejects.toThrow('mine');
    await expect(other).rejects.toThrow('mine');
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    const signal = controller.signal;
    await expect(fit(model, clouds(60), { ...rest, signal })).rejects.toThrow('enough');
  });
});

describe('data of a run', () => {
  it('may arrive: batches, functions of epochs, promises of them, and validation', async () => {
    const [a, b, c] = [setup(), setup(), setup()];
    const data = Array.from(batches(clouds(60), { batchSize: 20 }), copied);
    const epochs = 2;
    const whole = await fit(a.model, data, { ...withoutModel(a), epochs, validation: data });
    const give = () => arriving(data);
    const arrived = await fit(b.model, give, {
      ...{ ...withoutModel(b), epochs },
      validation: { [Symbol.asyncIterator]: give },
    });
    expect(arrived).toEqual(whole);
    expect(bitsOf(b)).toEqual(bitsOf(a));
    const later = async () => arriving(data);
    await fit(c.model, later, { ...withoutModel(c), epochs });
    expect(bitsOf(c)).toEqual(bitsOf(a));
    await expect(fit(a.model, arriving(data), { ...withoutModel(a), epochs: 2 })).rejects.toThrow(
      'data expected batches in epoch 2, got none: pass a function',
    );
    const found = evaluate(a.model, { [Symbol.asyncIterator]: give }, a.loss);
    expect(await found).toEqual(evaluate(a.model, data, a.loss));
    await expect(evaluate(a.model, arriving([]), a.loss)).rejects.toThrow('at least one sample');
  });

  it('is closed where the loop is left', async () => {
    const { model, ...rest } = setup();
    let closed = 0;
    const data = Array.from(batches(clouds(60), { batchSize: 20 }), copied);
    async function* source() {
      try {
        yield* data;
      } finally {
        await new Promise((resolve) => setTimeout(resolve));
        closed++;
      }
    }
    for await (const _ of fit(model, source, rest)) break;
    expect(closed).toBe(1);
    const beforeStep = () => {
      throw new Error('mine');
    };
    await expect(fit(model, source, { ...rest, beforeStep })).rejects.toThrow('mine');
    expect(closed).toBe(2);
  });

  it('is transformed for training and for validation, and augmented before, for training only', async () => {
    const { model, ...rest } = setup();
    const seen: [boolean, number][] = [];
    const shifted = {
      generator: augment().generator,
      apply: (inputs: Batch['inputs']) => ({ ...inputs, data: inputs.data.map((x) => x + 100) }),
    };
    const data = clouds(30);
    const history = await fit(model, data, {
      ...{ ...rest, batchSize: 10, shuffle: false, validation: data, augment: shifted as never },
      transform({ inputs, targets }, training) {
        seen.push([training, inputs.data[0]!]);
        return {
          inputs: Tensor.from(
            inputs.data.map((x) => x / 10),
            inputs.shape,
          ),
          targets,
        };
      },
    });
    expect(seen.map(([training]) => training)).toEqual([true, true, true, false]);
    const [first, , , last] = seen.map(([, value]) => value);
    expect(first).toBe(Math.fround(data.inputs.data[0]! + 100));
    expect(last).toBe(data.inputs.data[0]!);
    const options = {
      transform: ({ inputs, targets }: Batch) => ({
        inputs: { ...inputs, data: inputs.data.map((x) => x / 10) },
        targets,
      }),
    };
    expect(evaluate(model, data, rest.loss, options)).toEqual(history.epochs[0]!.validation);
  });

  it('refuses a last batch that is too small for what a transform makes of it, before a step', async () => {
    const one = setup();
    const before = bitsOf(one);
    const first = ({ inputs, targets }: Batch) => ({
      inputs: Tensor.from(inputs.data, inputs.shape),
      targets,
    });
    const options = { ...withoutModel(one), batchSize: 20, transform: first };
    await expect(fit(one.model, clouds(41), options)).rejects.toThrow(
      'the last batch would have 1 of 41 samples',
    );
    expect(bitsOf(one)).toEqual(before);
    // Two views of each sample are two rows.
    const twice = ({ inputs, targets }: Batch) => ({
      inputs: Tensor.from([...inputs.data, ...inputs.data].map(Math.fround), [
        inputs.shape[0]! * 2,
        2,
      ]),
      targets: [...(targets as Int32Array), ...(targets as Int32Array)],
    });
    await fit(one.model, clouds(41), { ...options, transform: twice });
  });
});

describe('accumulate', () => {
  it('makes a step of the mean gradient, and one of those that are left', async () => {
    const [a, b] = [setup(), setup()];
    const data = clouds(70);
    const flags: boolean[] = [];
    const schedule = new StepLR(a.optimizer, { stepSize: 1, gamma: 0.5, unit: 'step' });
    const run = fit(a.model, data, {
      ...{ ...withoutModel(a), batchSize: 10, shuffle: false, accumulate: 3, schedule },
    });
    for await (const { updated } of run) flags.push(updated);
    expect(flags).toEqual([false, false, true, false, false, true, true]);
    expect(a.optimizer.lr).toBe(0.1 / 8);
    const parts = Array.from(batches(data, { batchSize: 10 }), copied);
    let lr = 0.1;
    for (const group of [parts.slice(0, 3), parts.slice(3, 6), parts.slice(6)]) {
      b.optimizer.zeroGrad();
      for (const { inputs, targets } of group) {
        b.loss.forward(b.model.forward(inputs), targets as never);
        b.model.backward(b.loss.backward(1 / 3));
      }
      for (const { grad } of b.model.parameters()) {
        grad!.set(grad!.toArray().map((g) => g * (3 / group.length)));
      }
      b.optimizer.lr = lr;
      b.optimizer.step();
      lr /= 2;
    }
    expect(bitsOf(a)).toEqual(bitsOf(b));
  });

  it('calls beforeStep and clips once a step, beforeStep first', async () => {
    const { model, ...rest } = setup();
    let calls = 0;
    const [weight] = model.parameters();
    const start = weight!.data.toArray();
    const options = { ...rest, optimizer: new SGD([weight!], { lr: 1 }), batchSize: 10 };
    await fit(model, clouds(30), {
      ...{ ...options, accumulate: 3, clipNorm: 0.25, normType: Infinity },
      beforeStep() {
        calls++;
        weight!.grad = weight!.grad!.toArray().map((g) => g * 1e6);
      },
    });
    expect(calls).toBe(1);
    const moved = weight!.data.toArray().map((w, i) => Math.abs(w - start[i]!));
    expect(Math.max(...moved)).toBeCloseTo(0.25, 5);
  });
});

describe('patience', () => {
  /** Trains with the validation losses that are given: what the model predicts makes them. */
  async function train(losses: readonly number[], options: object) {
    const { model, ...rest } = setup(0.5);
    const bits: string[] = [];
    let epoch = 0;
    const score = () => losses[epoch++]!;
    const run = fit(model, clouds(30), {
      ...{ ...rest, epochs: losses.length, batchSize: 10, seed: 1 },
      metrics: { score: (_: Tensor, t: Int32Array) => (t.length === 9 ? score() : 0) },
      ...{ validation: clouds(9), monitor: 'score' as const, ...options },
    });
    for await (const { validation } of run) {
      if (validation) bits.push(Object.values(model.stateDict()).join());
    }
    return { history: (await run) as History, bits, end: Object.values(model.stateDict()).join() };
  }

  it.each([
    ['min', [3, 2, 2, 2.5, 1, 0], 2, { epochs: 4, best: 2, stopped: true }],
    ['min', [3, 2, 2.5, 1.9, 2, 1.95, 0], 2, { epochs: 6, best: 4, stopped: true }],
    ['max', [1, 2, 3, 4], 1, { epochs: 4, best: 4, stopped: false }],
    ['max', [1, 1, 5], 1, { epochs: 2, best: 1, stopped: true }],
    ['min', [Number.NaN, Number.NaN, 1], 3, { epochs: 3, best: 3, stopped: false }],
    ['min', [1, Number.NaN, Number.NaN, 0], 2, { epochs: 3, best: 1, stopped: true }],
  ] as const)('%s of %j, %d', async (mode, losses, patience, expected) => {
    const { history, bits, end } = await train(losses, { mode, patience, restoreBest: true });
    const { epochs, best, stopped } = history;
    expect({ epochs: epochs.length, best: best?.epoch, stopped }).toEqual(expected);
    expect(end).toBe(bits[expected.best - 1]);
    expect(new Set(bits).size).toBe(bits.length);
  });

  it('wants minDelta more, and leaves the last weights without restoreBest', async () => {
    const { history, bits, end } = await train([3, 2.8, 2.4, 2.3], {
      ...{ mode: 'min', patience: 2, minDelta: 0.5 },
    });
    expect(history.best!.epoch).toBe(3);
    expect(history.epochs).toHaveLength(4);
    expect(end).toBe(bits.at(-1));
  });

  it('restores the best without patience, and nothing where nothing was best', async () => {
    const good = await train([3, 1, 2], { mode: 'min', restoreBest: true });
    expect(good.end).toBe(good.bits[1]);
    const none = await train([Number.NaN, Number.NaN], { mode: 'min', restoreBest: true });
    expect(none.end).toBe(none.bits[1]);
    expect(none.history.best).toBeUndefined();
  });

  it('leaves the weights as they are where the loop is left', async () => {
    const { model, ...rest } = setup(0.5);
    const options = { ...rest, batchSize: 10, validation: clouds(9), restoreBest: true, epochs: 4 };
    let bits = '';
    for await (const { epoch } of fit(model, clouds(30), options)) {
      bits = Object.values(model.stateDict()).join();
      if (epoch === 3) break;
    }
    expect(Object.values(model.stateDict()).join()).toBe(bits);
  });
});

describe('options of a run', () => {
  it.each([
    [{ accumulate: 0 }, 'accumulate expected a whole number ≥ 1, got 0'],
    [{ clipNorm: -1 }, 'clipNorm expected a number ≥ 0, got -1'],
    [{ normType: 0 }, 'normType expected a number ≥ 5e-324, got 0'],
    [{ patience: 2 }, 'patience and restoreBest expected validation data, got none'],
    [{ restoreBest: true }, 'patience and restoreBest expected validation data, got none'],
    [{ validation: clouds(9), patience: 0 }, 'patience expected a whole number ≥ 1, got 0'],
    [{ monitor: 'f1' }, 'monitor expected one of loss, accuracy, got the string f1'],
    [
      { metrics: { f1: f1Score }, monitor: 'f1' },
      `mode expected 'min' or 'max', for what f1 should do, got undefined`,
    ],
    [{ mode: 'up' }, `mode expected 'min' or 'max', for what loss should do, got the string up`],
    [{ minDelta: -1 }, 'minDelta expected a number ≥ 0, got -1'],
    [{ transform: 7 }, 'transform expected a function, got the number 7'],
    [{ augment: { horizontalFlip: true } }, 'augment.apply expected a function, got undefined'],
    [{ transform: () => 7 }, 'transform expected to return { inputs, targets }, got the number 7'],
    [{ augment: augment({ shift: 1 }) }, 'inputs expected [N, C, H, W] or [N, C, L], got [32, 2]'],
    [{ clipnorm: 1 }, 'unknown option clipnorm: did you mean clipNorm?'],
  ])('%j is refused before a step', async (options, message) => {
    const one = setup();
    const before = bitsOf(one);
    const all = { ...withoutModel(one), ...options } as never;
    await expect(fit(one.model, clouds(40), all)).rejects.toThrow(message);
    expect(bitsOf(one)).toEqual(before);
  });

  it('wants a number of what is monitored', async () => {
    const { model, ...rest } = setup();
    const options = { metrics: { confusionMatrix }, monitor: 'confusionMatrix' as const };
    const more = { ...rest, ...options, mode: 'max' as const, validation: clouds(9) };
    await expect(fit(model, clouds(40), more)).rejects.toThrow(
      'fit: monitor: confusionMatrix expected a number, got an array of 3',
    );
  });
});

function withoutModel({ loss, optimizer }: ReturnType<typeof setup>) {
  return { loss, optimizer };
}
