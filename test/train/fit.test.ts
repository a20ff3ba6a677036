import { describe, expect, it } from 'vitest';
import { batches } from '../../src/data/index.ts';
import {
  accuracy,
  argmax,
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  evaluate,
  fit,
  Linear,
  MSELoss,
  type Progress,
  Sequential,
  SGD,
  StepLR,
  Tensor,
} from '../../src/index.ts';
import { clouds, network, setup } from '../support/clouds.ts';

async function collect(steps: AsyncIterable<Progress>): Promise<Progress[]> {
  const all: Progress[] = [];
  for await (const step of steps) all.push(step);
  return all;
}

describe('fit', () => {
  it('trains, and reports each step and each epoch’s validation', async () => {
    const { model, loss, optimizer } = setup();
    const all = await collect(
      fit(model, clouds(300), {
        loss,
        optimizer,
        epochs: 3,
        batchSize: 40,
        seed: 1,
        validation: clouds(90),
        metrics: { wrong: (prediction, targets) => 1 - accuracy(prediction, targets) },
      }),
    );
    expect(all.map(({ epoch, step, steps }) => [epoch, step, steps])).toEqual(
      [1, 2, 3].flatMap((epoch) => [1, 2, 3, 4, 5, 6, 7, 8].map((step) => [epoch, step, 8])),
    );
    const last = all.at(-1)!;
    expect(last.loss).toBeLessThan(all[0]!.loss / 3);
    expect(last.validation!.accuracy).toBeGreaterThan(0.95);
    expect(last.validation!.metrics.wrong).toBeCloseTo(1 - last.validation!.accuracy, 12);
    expect(all[6]!.validation).toBeUndefined();
    for (const step of all) {
      expect(step.samplesPerSecond).toBeGreaterThan(0);
      expect(step.metrics.wrong).toBeCloseTo(1 - step.accuracy, 12);
    }
  });

  it('gives the same bytes for the same seed, and others for another', async () => {
    const run = async (seed: number) => {
      const { model, loss, optimizer } = setup();
      await collect(fit(model, clouds(100), { loss, optimizer, epochs: 2, batchSize: 32, seed }));
      return Object.values(model.stateDict()).flatMap((tensor) => [...tensor.toArray()]);
    };
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
  });

  it('is the loop one would write by hand', async () => {
    const [a, b] = [setup(), setup()];
    const data = clouds(64);
    await collect(
      fit(a.model, data, {
        loss: a.loss,
        optimizer: a.optimizer,
        batchSize: 16,
        shuffle: false,
        epochs: 2,
      }),
    );
    for (let epoch = 0; epoch < 2; epoch++) {
      for (const { inputs, targets } of batches(data, { batchSize: 16 })) {
        b.loss.forward(b.model.forward(inputs), targets);
        b.optimizer.zeroGrad();
        b.model.backward(b.loss.backward());
        b.optimizer.step();
      }
    }
    const [ours, theirs] = [a.model.stateDict(), b.model.stateDict()];
    for (const name of Object.keys(ours)) {
      expect(ours[name]!.toArray()).toEqual(theirs[name]!.toArray());
    }
  });

  it('refuses a last batch of one sample before it starts, and drops it if told', async () => {
    const { model, loss, optimizer } = setup();
    const data = clouds(33);
    const before = model.stateDict();
    await expect(fit(model, data, { loss, optimizer, batchSize: 32 }).next()).rejects.toThrow(
      /last batch would have 1 of 33 samples.*dropLast/,
    );
    for (const [name, tensor] of Object.entries(model.stateDict())) {
      expect(tensor.toArray()).toEqual(before[name]!.toArray());
    }
    const all = await collect(fit(model, data, { loss, optimizer, batchSize: 32, dropLast: true }));
    expect(all.map(({ steps }) => steps)).toEqual([1]);
  });

  it('takes a smaller last batch', async () => {
    const { model, loss, optimizer } = setup();
    expect(await collect(fit(model, clouds(34), { loss, optimizer, batchSize: 32 }))).toHaveLength(
      2,
    );
  });

  it('leaves a usable model when the loop is left', async () => {
    const { model, loss, optimizer } = setup();
    for await (const { step } of fit(model, clouds(300), { loss, optimizer, batchSize: 30 })) {
      if (step === 2) break;
    }
    expect(evaluate(model, clouds(30), loss).loss).toBeLessThan(2);
    expect(model.stateDict()['1.num_batches_tracked']!.item()).toBe(2);
  });

  it('lets the event loop turn, and stops at a signal', async () => {
    const { model, loss, optimizer } = setup();
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 60);
    const endless = fit(model, clouds(300), {
      loss,
      optimizer,
      batchSize: 100,
      epochs: 1_000_000,
      signal: controller.signal,
    });
    await expect(collect(endless)).rejects.toThrow('enough');
    expect(model.predict(clouds(3).inputs).shape).toEqual([3, 3]);
  });

  it('steps schedules as each says of itself', async () => {
    const { model, loss, optimizer } = setup(1);
    const schedule = [
      new StepLR(optimizer, { stepSize: 1, gamma: 0.5 }),
      new StepLR(optimizer, { stepSize: 1000, gamma: 0.5, unit: 'step' }),
    ];
    await collect(fit(model, clouds(60), { loss, optimizer, batchSize: 20, epochs: 2, schedule }));
    expect(optimizer.lr).toBe(0.25);
  });

  it('takes ready-made batches and functions that give them', async () => {
    const { model, loss, optimizer } = setup();
    const data = clouds(12);
    expect(await collect(fit(model, [data, data], { loss, optimizer, epochs: 2 }))).toHaveLength(4);
    const epochs: number[] = [];
    const give = (epoch: number) => {
      epochs.push(epoch);
      return [data];
    };
    const all = await collect(fit(model, give, { loss, optimizer, epochs: 3 }));
    expect(epochs).toEqual([1, 2, 3]);
    expect(all[0]!.steps).toBeNaN();
  });

  it('has no accuracy where targets are no classes', async () => {
    const model = new Sequential(new Linear(2, 1));
    const { inputs } = clouds(8);
    const data = { inputs, targets: new Float32Array(8).fill(0.5) };
    const optimizer = new SGD(model.parameters(), { lr: 0.01 });
    const target = { ...data, targets: { data: data.targets, shape: [8, 1] } };
    const [step] = await collect(
      fit(model, target, { loss: new MSELoss(), optimizer, batchSize: 8 }),
    );
    expect(step!.loss).toBeGreaterThan(0);
    expect(step!.accuracy).toBeNaN();
  });

  it('takes flat targets for one output, as a loss does', async () => {
    const model = new Sequential(new Linear(2, 1));
    const { inputs } = clouds(8);
    const optimizer = new SGD(model.parameters(), { lr: 0 });
    const targets = Float32Array.from({ length: 8 }, (_, i) => i);
    const loss = new MSELoss();
    const want = loss.forward(model.predict(inputs), targets);
    for (const given of [targets, Tensor.from(targets), { data: targets, shape: [8] }]) {
      const data = { inputs, targets: given };
      const options = { loss, optimizer, batchSize: 8, shuffle: false, validation: data };
      const [step] = await collect(fit(model, data, options));
      expect(step).toMatchObject({ loss: want, validation: { loss: want } });
    }
    const binary = { inputs, targets: [0, 1, 0, 1, 0, 1, 0, 1] };
    const steps = fit(model, binary, { loss: new BCEWithLogitsLoss(), optimizer });
    expect(await collect(steps)).toHaveLength(1);
    expect(() => loss.forward(Tensor.zeros([1, 8]), Tensor.from(targets))).toThrow(
      'expected [1, 8]',
    );
  });

  it('counts the samples of training time alone', async () => {
    const { model, loss, optimizer } = setup();
    const slow = {
      *[Symbol.iterator]() {
        for (const end = performance.now() + 300; performance.now() < end; );
        yield* batches(clouds(8));
      },
    };
    const options = { loss, optimizer, batchSize: 30, epochs: 2, validation: slow };
    const steps = await collect(fit(model, clouds(30), options));
    expect(steps[1]!.samplesPerSecond).toBeGreaterThan(30 / 0.3);
  });

  it('stops without throwIfAborted and without a reason, as in older browsers', async () => {
    const { model, loss, optimizer } = setup();
    const signal = { aborted: true } as AbortSignal;
    const steps = fit(model, clouds(30), { loss, optimizer, signal });
    await expect(collect(steps)).rejects.toThrow('aborted');
  });

  it.each([
    [
      'no loss',
      { loss: undefined },
      'fit: loss expected a loss such as new MSELoss(), got undefined',
    ],
    ['no optimizer', { optimizer: {} }, 'fit: optimizer expected an Optimizer, got a Object'],
    ['half an epoch', { epochs: 0.5 }, 'epochs expected a whole number'],
    ['a misspelt option', { batch_size: 4 }, 'unknown option batch_size: did you mean batchSize?'],
    ['metrics that are no functions', { metrics: { a: 1 } }, 'fit: a expected a function, got the'],
    [
      'a schedule of another kind',
      { schedule: {} },
      'fit: schedule.step expected a function, got undefined',
    ],
    ['a signal of another kind', { signal: {} }, 'signal expected an AbortSignal, got a Object'],
  ])('refuses %s', async (_, options, message) => {
    const { model, loss, optimizer } = setup();
    const all = { loss, optimizer, ...options };
    await expect(fit(model, clouds(4), all as never).next()).rejects.toThrow(message);
  });

  it('refuses data that is neither a data set nor batches', async () => {
    const { model, loss, optimizer } = setup();
    await expect(fit(model, 7 as never, { loss, optimizer }).next()).rejects.toThrow(
      /data expected/,
    );
  });
});

describe('evaluate', () => {
  it('is the same whatever the batch size, and changes nothing', () => {
    const { model, loss } = setup();
    model.forward(clouds(50).inputs);
    const state = JSON.stringify(Object.values(model.stateDict()).map((t) => [...t.toArray()]));
    const whole = evaluate(model, clouds(50), loss);
    const parts = evaluate(model, clouds(50), loss, { batchSize: 7 });
    expect(parts.accuracy).toBeCloseTo(whole.accuracy, 12);
    expect(parts.loss).toBeCloseTo(whole.loss, 6);
    expect(model.training).toBe(true);
    expect(JSON.stringify(Object.values(model.stateDict()).map((t) => [...t.toArray()]))).toBe(
      state,
    );
  });

  describe('with class weights and ignored places', () => {
    const { inputs, targets } = clouds(60);
    const labels = targets.map((label, i) => (i % 4 === 0 || (i >= 20 && i < 25) ? 7 : label));
    const weighted = () => new CrossEntropyLoss({ weight: [1, 20, 300], ignoreIndex: 7 });
    const model = network();

    it('is that of the whole, whatever the batch size', () => {
      const whole = weighted().forward(model.predict(inputs), labels);
      const right = [...argmax(model.predict(inputs))].filter((best, i) => best === labels[i]);
      for (const batchSize of [1, 5, 7, 60]) {
        const found = evaluate(model, { inputs, targets: labels }, weighted(), { batchSize });
        expect(found.loss).toBeCloseTo(whole, 6);
        expect(found.accuracy).toBe(right.length / labels.filter((label) => label !== 7).length);
      }
    });

    it('reports accuracy without the ignored places, and NaN only if all are ignored', async () => {
      const loss = weighted();
      const optimizer = new SGD(model.parameters(), { lr: 0 });
      const data = { inputs, targets: labels };
      const [step] = await collect(fit(model, data, { loss, optimizer, batchSize: 60 }));
      expect(step!.accuracy).toBeLessThanOrEqual(1);
      const ignored = { inputs, targets: new Int32Array(60).fill(7) };
      expect(evaluate(model, ignored, loss)).toMatchObject({
        loss: Number.NaN,
        accuracy: Number.NaN,
      });
      const logits = Tensor.from([
        [1, 0],
        [1, 0],
        [0, 1],
      ]);
      expect(accuracy(logits, [0, -100, 0])).toBe(0.5);
      expect(accuracy(logits, [0, 1, 0], 1)).toBe(0.5);
    });

    it('sums where the loss sums', () => {
      const loss = new CrossEntropyLoss({ reduction: 'sum', ignoreIndex: 7 });
      const whole = loss.forward(model.predict(inputs), labels) / 60;
      for (const batchSize of [1, 7, 60]) {
        const found = evaluate(model, { inputs, targets: labels }, loss, { batchSize });
        expect(found.loss).toBeCloseTo(whole, 6);
      }
    });
  });

  it('measures accuracy alone without a loss', () => {
    const { accuracy: share, loss } = evaluate(network(), clouds(30));
    expect(share).toBeGreaterThanOrEqual(0);
    expect(loss).toBeNaN();
  });
});
