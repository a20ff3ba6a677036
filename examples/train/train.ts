/** Trains one network and measures it on the way. */
import {
  Adam,
  AdamW,
  CosineAnnealingLR,
  CrossEntropyLoss,
  DecayToFloor,
  evaluate,
  fit,
  type Module,
  OneCycleLR,
  type Optimizer,
  RMSprop,
  type Schedule,
  SGD,
  StepLR,
} from 'evenkeel';
import { batches } from 'evenkeel/data';
import { type Distribution, recordDistributions } from './distributions.ts';
import type { Data, Images } from './images.ts';
import type { Options } from './options.ts';
import { accuracyOf, type Prediction, predictionsOf } from './predictions.ts';

/** The result includes the number of steps until test accuracy first reaches this value. */
export const GOAL = 0.8;
/** Test accuracy is measured at this interval, in steps, until it reaches the goal. */
const PROBE_EVERY = 10;

export interface Point {
  step: number;
  value: number;
}

export interface Result {
  name: string;
  /** Test accuracy before the first step. */
  untrained: number;
  /** Test accuracy after each epoch. */
  epochs: number[];
  /** The first multiple of 10 steps after which test accuracy was at least `GOAL`. */
  stepsToGoal: number | undefined;
  /** The speed of training alone: without measurements of test accuracy and without recorded steps. */
  imagesPerSecond: number;
  /** The time of training and of all measurements. */
  seconds: number;
  /** The training loss of each step. */
  losses: Point[];
  /** The test accuracy before the first step, step 0, and at each step after which it was measured. */
  accuracies: Point[];
  /** What enters each activation, at some of the steps. */
  distributions: readonly Distribution[];
  /** What the trained network says of each test image. */
  predictions: Prediction[];
}

export interface Moment {
  /** The step's number over all epochs, from 1. */
  step: number;
  steps: number;
  epoch: number;
  loss: number;
  accuracy: number;
  imagesPerSecond: number;
}

/**
 * Trains `network`, and calls `tell` after each step. Measures test accuracy, with running statistics,
 * before the first step, every 10 steps until it reaches 80 %, then twice per epoch.
 */
export async function train(
  name: string,
  network: Module,
  data: Data,
  options: Options,
  tell: (moment: Moment) => void,
): Promise<Result> {
  const training = batches(asNetworkInput(data.train), {
    batchSize: options.batch,
    shuffle: true,
    seed: options.seed,
    dropLast: true,
    scale: 1 / 255,
  });
  const test = batches(asNetworkInput(data.test), { batchSize: 250, scale: 1 / 255 });
  const steps = training.steps * options.epochs;
  const half = Math.ceil(training.steps / 2);
  using loss = new CrossEntropyLoss();
  using optimizer = makeOptimizer(network, options);
  const schedule = makeSchedule(optimizer, options, steps);

  const started = performance.now();
  const untrained = evaluate(network, test).accuracy;
  const recorder = recordDistributions(network, steps);
  const result: Result = {
    name,
    untrained,
    epochs: [],
    stepsToGoal: undefined,
    imagesPerSecond: 0,
    seconds: 0,
    losses: [],
    accuracies: [{ step: 0, value: untrained }],
    distributions: recorder.distributions,
    predictions: [],
  };
  const { epochs } = options;
  let images = 0;
  let seconds = 0;
  for await (const progress of fit(network, training, { loss, optimizer, schedule, epochs })) {
    const step = (progress.epoch - 1) * training.steps + progress.step;
    if (!recorder.records(step)) {
      images += options.batch;
      seconds += options.batch / progress.samplesPerSecond;
    }
    // The first step is a recorded one.
    result.imagesPerSecond = images > 0 ? images / seconds : progress.samplesPerSecond;
    result.losses.push({ step, value: progress.loss });
    const endOfEpoch = progress.step === training.steps;
    const reached = result.stepsToGoal !== undefined;
    const due = reached ? progress.step % half === 0 : step % PROBE_EVERY === 0;
    if (due || endOfEpoch) {
      if (step === steps) result.predictions = predictionsOf(network, test);
      const accuracy =
        step === steps
          ? accuracyOf(result.predictions, data.test.targets)
          : evaluate(network, test).accuracy;
      result.accuracies.push({ step, value: accuracy });
      if (endOfEpoch) result.epochs.push(accuracy);
      if (accuracy >= GOAL && step % PROBE_EVERY === 0) result.stepsToGoal ??= step;
    }
    const { epoch, loss: value, accuracy } = progress;
    tell({ step, steps, epoch, loss: value, accuracy, imagesPerSecond: result.imagesPerSecond });
  }
  recorder.stop();
  result.seconds = (performance.now() - started) / 1000;
  return result;
}

/** Adds a channel axis to images [N, 28, 28]. */
function asNetworkInput({ inputs, targets }: Images) {
  const [n, height, width] = inputs.shape as [number, number, number];
  return { inputs: { data: inputs.data, shape: [n, 1, height, width] }, targets };
}

function makeOptimizer(network: Module, { optimizer, lr }: Options): Optimizer {
  const parameters = network.parameters();
  switch (optimizer) {
    case 'adam':
      return new Adam(parameters, { lr });
    case 'adamw':
      return new AdamW(parameters, { lr });
    case 'sgd':
      return new SGD(parameters, { lr, momentum: 0.9, nesterov: true });
    case 'rmsprop':
      return new RMSprop(parameters, { lr });
  }
}

function makeSchedule(
  optimizer: Optimizer,
  { schedule, lr, epochs }: Options,
  steps: number,
): Schedule | undefined {
  switch (schedule) {
    case 'constant':
      return undefined;
    case 'cosine':
      return new CosineAnnealingLR(optimizer, { tMax: steps, unit: 'step' });
    case 'decay':
      return new DecayToFloor(optimizer, { min: lr / 100, speed: steps / 5 });
    case 'onecycle':
      return new OneCycleLR(optimizer, { maxLr: lr, totalSteps: steps, cycleMomentum: false });
    case 'step':
      return new StepLR(optimizer, { stepSize: Math.ceil(epochs / 3) });
  }
}
