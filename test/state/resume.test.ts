/**
 * A run that was interrupted after any step, stored, and continued by objects made anew has the bits of the
 * run that was not: weights, statistics, moments, averages, generators and losses.
 */
import { describe, expect, it } from 'vitest';
import { type Augmentation, augment, batches } from '../../src/data/index.ts';
import {
  Adam,
  AdamW,
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  CosineAnnealingLR,
  CrossEntropyLoss,
  confusionMatrix,
  Dropout,
  Dropout2d,
  defaultGenerator,
  ExponentialLR,
  ExponentialMovingAverage,
  type FitOptions,
  Flatten,
  f1Score,
  fit,
  Generator,
  type History,
  Linear,
  LinearWarmup,
  type Module,
  MultiStepLR,
  manualSeed,
  OneCycleLR,
  type Optimizer,
  type Progress,
  ReLU,
  RMSprop,
  type Schedule,
  Sequential,
  SGD,
  SpectralNorm,
  StepLR,
  type TrainingData,
} from '../../src/index.ts';
import { loadCheckpoint, type Parts, saveCheckpoint } from '../../src/state/index.ts';
import { hashed } from '../support/hashed.ts';

const SAMPLES = 45;
const BATCH = 8;
const EPOCHS = 4;
const STEPS = 6 * EPOCHS;
const set = {
  inputs: {
    data: Float32Array.from(hashed(1, SAMPLES * 12), (u) => u - 0.5),
    shape: [SAMPLES, 12],
  },
  targets: Array.from({ length: SAMPLES }, (_, i) => (i * 7) % 3),
};

interface Run {
  model: Module;
  optimizer: Optimizer;
  schedule?: Schedule | Schedule[];
  average?: ExponentialMovingAverage;
  batches?: Parts[string];
  generator?: Generator;
  augment?: Augmentation;
}

/** What makes a run: its objects, and its data. */
interface Scene {
  make: () => Run;
  data: (run: Run) => TrainingData;
  seed?: number;
  /** Further options of `fit`. */
  options?: () => Partial<FitOptions<never>>;
  /** The steps after which it ends. */
  steps?: number;
}

const perceptron = () =>
  new Sequential(
    new Linear(12, 16, { bias: false }),
    new BatchNorm1d(16),
    new ReLU(),
    new Dropout(0.3),
    new Linear(16, 3),
  );

const convolutional = () =>
  new Sequential(
    new Conv2d(3, 6, 2, { bias: false }),
    new BatchNorm2d(6, { momentum: null }),
    new ReLU(),
    new Dropout2d(0.2, { generator: new Generator(5) }),
    new Flatten(),
    new Dropout(0.1),
    new SpectralNorm(new Linear(6, 3)),
  );
const images = { ...set, inputs: { ...set.inputs, shape: [SAMPLES, 3, 2, 2] } };

const scenes: Record<string, Scene> = {
  'SGD with Nesterov momentum, StepLR, an average with warm-up, seeded orders': {
    make() {
      const model = perceptron();
      const options = { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-3 };
      const optimizer = new SGD(model.parameters(), options);
      const schedule = new StepLR(optimizer, { stepSize: 2 });
      const average = new ExponentialMovingAverage(model, { decay: 0.9, warmup: true });
      return { model, optimizer, schedule, average };
    },
    data: () => set,
    seed: 3,
  },
  'Adam with AMSGrad, one cycle, an average of buffers, orders of the default generator': {
    make() {
      const model = convolutional();
      const optimizer = new Adam(model.parameters(), { lr: 0.01, amsgrad: true });
      const schedule = new OneCycleLR(optimizer, { maxLr: 0.05, totalSteps: STEPS });
      const average = new ExponentialMovingAverage(model, { decay: 0.8, buffers: true });
      return { model, optimizer, schedule, average };
    },
    data: () => images,
  },
  'AdamW in groups, a warm-up before a cosine, batches with a generator of their own': {
    make() {
      const model = perceptron();
      const [first, ...others] = model.parameters();
      const optimizer = new AdamW([{ params: [first!], lr: 0.02 }, { params: others }], {
        lr: 0.005,
      });
      const cosine = new CosineAnnealingLR(optimizer, { tMax: 9, unit: 'step' });
      const schedule = new LinearWarmup(cosine, { steps: 5 });
      const generator = new Generator(8);
      const options = { batchSize: BATCH, shuffle: true, generator };
      return { model, optimizer, schedule, batches: batches(set, options), generator };
    },
    data: (run) => run.batches as never,
  },
  'RMSprop, two schedules, a list of batches': {
    make() {
      const model = convolutional();
      const options = { lr: 0.01, momentum: 0.5, centered: true };
      const optimizer = new RMSprop(model.parameters(), options);
      const schedule = [
        new ExponentialLR(optimizer, { gamma: 0.9 }),
        new MultiStepLR(optimizer, { milestones: [5, 9], unit: 'step' }),
      ];
      return { model, optimizer, schedule };
    },
    data: () => Array.from(batches(images, { batchSize: BATCH }), copied),
  },
  'SGD without schedule, a function that shuffles by the epoch': {
    make() {
      const model = perceptron();
      return { model, optimizer: new SGD(model.parameters(), { lr: 0.1, momentum: 0.5 }) };
    },
    data: () => (epoch) => batches(set, { batchSize: BATCH, shuffle: true, seed: epoch }),
  },
  'gradients accumulated and clipped, metrics that count, data that arrives': {
    make() {
      const model = perceptron();
      return { model, optimizer: new Adam(model.parameters(), { lr: 0.02 }) };
    },
    data: () => async (epoch) => {
      const list = Array.from(
        batches(set, { batchSize: BATCH, shuffle: true, seed: epoch }),
        copied,
      );
      return (async function* () {
        for (const batch of list) yield batch;
      })();
    },
    options: () => ({
      ...{ accumulate: 4, clipNorm: 0.1, normType: 1 },
      metrics: { f1: f1Score, confusionMatrix, three: () => 3 } as never,
      validation: set,
    }),
  },
  'augmented by the default generator, transformed, the best weights restored at the end': {
    make() {
      const model = convolutional();
      const optimizer = new SGD(model.parameters(), { lr: 0.2 });
      return { model, optimizer, augment: augment({ horizontalFlip: true, shift: 1, noise: 0.1 }) };
    },
    data: () => images,
    options: () => ({
      transform: ({ inputs, targets }) => ({
        inputs: { ...inputs, data: inputs.data.map((x) => 2 * x) },
        targets,
      }),
      ...{ validation: images, patience: 9, restoreBest: true, monitor: 'accuracy' as never },
    }),
  },
  'ended by patience, augmented by a generator of its own': {
    make() {
      const model = convolutional();
      const optimizer = new SGD(model.parameters(), { lr: 0.01 });
      return { model, optimizer, augment: augment({ verticalFlip: true, seed: 4 }) };
    },
    data: () => images,
    options: () => ({
      ...{ validation: images, patience: 2, minDelta: 10, restoreBest: true, accumulate: 2 },
    }),
    steps: 18,
  },
  'Adam, a function that gives an iterable of its own': {
    make() {
      const model = perceptron();
      return { model, optimizer: new Adam(model.parameters()) };
    },
    data: () => (epoch) => {
      const list = Array.from(
        batches(set, { batchSize: BATCH, shuffle: true, seed: epoch }),
        copied,
      );
      return new Set(list);
    },
  },
};

function copied({
  inputs,
  targets,
}: {
  inputs: { data: Float32Array; shape: readonly number[] };
  targets: unknown;
}) {
  return {
    inputs: { ...inputs, data: inputs.data.slice() },
    targets: (targets as Int32Array).slice(),
  };
}

/** Trains to the end, and gives the losses and what `seen` makes of each step. */
async function train<T>(
  scene: Scene,
  run: Run,
  resume: Parameters<typeof fit>[2]['resume'],
  seen: (progress: Progress<never>) => T,
): Promise<{ losses: number[]; found: T[]; history: History<never> }> {
  const losses: number[] = [];
  const found: T[] = [];
  const { model, optimizer, schedule } = run;
  const options: FitOptions<never> = {
    ...scene.options?.(),
    ...(run.augment && { augment: run.augment }),
    ...{ loss: new CrossEntropyLoss(), optimizer, epochs: EPOCHS, batchSize: BATCH, resume },
    ...(schedule && { schedule }),
    ...(scene.seed !== undefined && { seed: scene.seed }),
  };
  const training = fit(model, scene.data(run), options);
  for await (const progress of training) {
    run.average?.update();
    losses.push(progress.loss);
    found.push(seen(progress));
  }
  return { losses, found, history: await training };
}

const save = ({ augment: _, ...run }: Run, progress?: Progress<never>) =>
  saveCheckpoint({ ...run, progress: progress as never }, { best: Infinity });

describe('a run continued from a checkpoint', () => {
  it.each(Object.entries(scenes))('%s', async (_, scene) => {
    manualSeed(1);
    const whole = scene.make();
    const { losses, found, history } = await train(scene, whole, undefined, (progress) =>
      save(whole, progress),
    );
    const { steps = STEPS } = scene;
    expect(losses).toHaveLength(steps);
    const end = Buffer.from(save(whole));
    for (let point = 1; point <= Math.min(20, steps); point++) {
      manualSeed(1000 + point); // whatever has happened since
      const run = scene.make();
      defaultGenerator.permutation(point);
      const { resume, extra } = loadCheckpoint(found[point - 1]!, { ...run, augment: undefined });
      expect(extra).toEqual({ best: Infinity });
      expect([resume!.epoch, resume!.step]).toEqual([Math.ceil(point / 6), ((point - 1) % 6) + 1]);
      const rest = await train(scene, run, resume, (progress) => save(run, progress));
      expect(rest.losses).toEqual(losses.slice(point));
      expect(rest.history).toEqual(history);
      for (const [i, bytes] of rest.found.entries()) {
        expect(Buffer.compare(bytes, found[point + i]!)).toBe(0);
      }
      expect(Buffer.compare(end, save(run))).toBe(0);
    }
  });
});
