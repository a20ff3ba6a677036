/** What `fit` refuses of the state of a run: that of other options, and what no run has written. */
import { describe, expect, it } from 'vitest';
import { augment } from '../../src/data/index.ts';
import { accuracy, type FitOptions, fit } from '../../src/index.ts';
import { restoreRun, stateOfRun } from '../../src/state/checkpoint/run.ts';
import { loadCheckpoint, saveCheckpoint } from '../../src/state/index.ts';
import { runs, type Training } from '../../src/train/training.ts';
import { clouds, setup } from '../support/clouds.ts';

const OPTIONS: Partial<FitOptions> = {
  ...{ batchSize: 10, accumulate: 3, restoreBest: true, validation: clouds(9) },
  metrics: { share: accuracy },
  augment: augment({ noise: 0.1, seed: 2 }),
  epochs: 3,
};

/** A run after some steps. */
async function runAfter(steps: number, options: Partial<FitOptions> = {}) {
  const { model, ...rest } = setup();
  const run = fit(model, clouds(40), { ...rest, ...OPTIONS, ...options });
  let progress = (await run.next()).value!;
  for (let i = 1; i < steps; i++) progress = (await run.next()).value!;
  return { model, ...rest, progress, training: runs.get(progress)! as Training };
}

describe('the state of a run', () => {
  it.each([
    [
      { accumulate: 2 },
      'fit: resume: accumulated batches expected a whole number from 0 to 1, got 2',
    ],
    [{ augment: undefined }, 'expected the options of the run, with augment, got no augment'],
    [{ metrics: {} }, 'fit: resume: expected the 1 metrics of the run, got 0'],
  ])('is refused by a run with %j', async (options, message) => {
    const { model, optimizer, progress } = await runAfter(6);
    const bytes = saveCheckpoint({ model, optimizer, progress });
    const other = setup();
    const { resume } = loadCheckpoint(bytes, { model: other.model, optimizer: other.optimizer });
    const before = saveCheckpoint({ model: other.model, optimizer: other.optimizer });
    const { model: trained, ...rest } = other;
    const run = fit(trained, clouds(40), { ...rest, ...OPTIONS, ...options, resume } as FitOptions);
    await expect(run).rejects.toThrow(message);
    const now = saveCheckpoint({ model: other.model, optimizer: other.optimizer });
    expect(Buffer.compare(now, before)).toBe(0);
  });

  it('is that of the last step', async () => {
    const { model, training, progress } = await runAfter(3);
    expect(training.last).toBe(progress);
    const old = { ...progress };
    expect(() => saveCheckpoint({ model, progress: old })).toThrow('got another one');
  });

  it.each([
    ['no object', () => 7, 'the state of a run'],
    ['epochs', (state: object) => ({ ...state, epochs: [1] }), 'epochs expected a list of epochs'],
    ['best', (state: object) => ({ ...state, best: 9 }), 'best expected a whole number'],
    ['bad', (state: object) => ({ ...state, bad: -1 }), 'bad expected a whole number ≥ 0'],
    ['score', (state: object) => ({ ...state, score: 'x' }), 'score expected a number'],
    ['sums', (state: object) => ({ ...state, sums: null }), 'sums expected numbers by name'],
    [
      'a sum',
      (state: object) => ({ ...state, sums: { tallies: [] } }),
      'samples expected a number, got undefined',
    ],
    [
      'tallies',
      ({ sums, ...state }: { sums: object }) => ({ ...state, sums: { ...sums, tallies: [['x']] } }),
      'metrics expected lists of numbers',
    ],
    ['weights', (state: object) => ({ ...state, weights: {} }), 'weights: missing: 0.weight'],
    ['pending', (state: object) => ({ ...state, pending: 3 }), 'accumulated batches expected'],
    [
      'gradients',
      (state: object) => ({ ...state, gradients: [] }),
      'expected the gradients of 5 parameters',
    ],
    [
      'a gradient',
      ({ gradients, ...state }: { gradients: unknown[] }) => ({
        ...state,
        gradients: [...gradients].reverse(),
      }),
      'a gradient expected [16, 2], got [3]',
    ],
    ['a generator', (state: object) => ({ ...state, augment: { seed: -1 } }), 'seed expected'],
  ])('with other %s is refused, and nothing changes', async (_, change, message) => {
    const { training } = await runAfter(6);
    const state = stateOfRun(training);
    const before = JSON.stringify(state);
    expect(() => restoreRun('fit: resume', training, change(state as never))).toThrow(message);
    expect(JSON.stringify(stateOfRun(training))).toBe(before);
  });
});
