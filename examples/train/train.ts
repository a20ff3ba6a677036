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
import type { Data, Images } from './images.ts';
import type { Options } from './options.ts';

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
  /** Test accuracy after each epoch. */
  epochs: number[];
  /** The first multiple of 10 steps after which test accuracy was at least `GOAL`. */
  stepsToGoal: number | undefined;
  /** The speed of training alone, without the measurements of test accuracy. */
  imagesPerSecond: number;
  /** The training loss of each step. */
  losses: Point[];
  /** The test accuracy at each step after which it was measured. */
  accuracies: Point[];
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
 * Trains `network`, and calls `tell` after each step. Measures test accuracy, with running statistics, every
 * 10 steps until it reaches 80 %, then twice per epoch.
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

  const result: Result = {
    name,
    epochs: [],
    stepsToGoal: undefined,
    imagesPerSecond: 0,
    losses: [],
    accuracies: [],
  };
  const { epochs } = options;
  let seconds = 0;
  for await (const progress of fit(network, training, { loss, optimizer, schedule, epochs })) {
    const step = (progress.epoch - 1) * training.steps + progress.step;
    seconds += options.batch / progress.samplesPerSecond;
    result.imagesPerSecond = (step * options.batch) / seconds;
    result.losses.push({ step, value: progress.loss });
    const endOfEpoch = progress.step === training.steps;
    const reached = result.stepsToGoal !== undefined;
    const due = reached ? progress.step % half === 0 : step % PROBE_EVERY === 0;
    if (due || endOfEpoch) {
      const { accuracy } = evaluate(network, test);
      result.accuracies.push({ step, value: accuracy });
      if (endOfEpoch) result.epochs.push(accuracy);
      if (accuracy >= GOAL && step % PROBE_EVERY === 0) result.stepsToGoal ??= step;
    }
    const { epoch, loss: value, accuracy } = progress;
    tell({ step, steps, epoch, loss: value, accuracy, imagesPerSecond: result.imagesPerSecond });
  }
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
