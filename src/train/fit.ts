import { type Batch, Batches, batches, type Dataset } from '../data/batches.ts';
import { verifyStep } from '../graph/session.ts';
import type { Loss } from '../losses/loss.ts';
import type { Module } from '../module/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { Schedule } from '../optim/schedule.ts';
import { macrotask } from '../runtime/macrotask.ts';
import { checkInteger, describe } from '../tensor/check.ts';
import { Tensor } from '../tensor/tensor.ts';
import { accuracy } from './metrics.ts';

/** A number computed from a batch's prediction and targets, averaged over samples. */
// biome-ignore lint/suspicious/noExplicitAny: targets are whatever the loss takes
export type Metric = (prediction: Tensor, targets: any) => number;

// biome-ignore lint/suspicious/noExplicitAny: as above
export type AnyLoss = Loss<any>;

/** A data set to cut into batches, ready-made batches, or what gives them for an epoch. */
export type TrainingData = Dataset | Iterable<Batch> | ((epoch: number) => Iterable<Batch>);

export interface FitOptions {
  loss: AnyLoss;
  optimizer: Optimizer;
  /** Default 1. */
  epochs?: number;
  /** Samples a step, for a data set. Default 32. */
  batchSize?: number;
  /** Stepped after each step or epoch, as each says of itself. */
  schedule?: Schedule | readonly Schedule[];
  /** Seed of the shuffling; by default it is drawn from the generator that `manualSeed` sets. */
  seed?: number;
  /** Whether a data set is shuffled anew each epoch. Default true. */
  shuffle?: boolean;
  /** Evaluated at the end of each epoch. */
  validation?: Dataset | Iterable<Batch>;
  /** More numbers to report, of each batch and of the validation. */
  metrics?: Readonly<Record<string, Metric>>;
  /** Leaves out a last batch that is smaller than the others. Default false. */
  dropLast?: boolean;
  /** Called after `backward` and before the optimizer's step, e.g. to clip gradients. */
  beforeStep?: () => void;
  /** Stops the training before its next step by throwing the signal's reason. */
  signal?: AbortSignal;
}

/** Numbers of one evaluation. */
export interface Evaluation {
  /** Mean over samples; NaN where no loss was given. */
  loss: number;
  /** Share of right classes; NaN where the targets are no classes. */
  accuracy: number;
  /** The further metrics, by name. */
  metrics: Record<string, number>;
}

/** What `fit` yields after each step. */
export interface Progress extends Evaluation {
  /** From 1. */
  epoch: number;
  /** Within the epoch, from 1. */
  step: number;
  /** Steps an epoch; NaN for an iterable that does not tell. */
  steps: number;
  /** Over the time since the last step was asked for. */
  samplesPerSecond: number;
  /** On an epoch's last step, where there is validation data. */
  validation?: Evaluation;
}

/** Longest stretch without a turn of the event loop, in ms. */
const STRETCH = 30;

/**
 * Trains a model, step by step.
 *
 * ```ts
 * for await (const { epoch, step, steps, loss } of fit(model, { inputs, targets }, { loss: criterion, optimizer, epochs: 3, batchSize: 100 })) {
 *   console.log(epoch, step, steps, loss);
 * }
 * ```
 *
 * Each step is forward, loss, `zeroGrad`, backward, optimizer step; what it yields is that batch's loss
 * and accuracy. The event loop turns at least every 30 ms, or every step where one takes longer. The
 * loop may be left at any time: the model is then as the last step left it. Each epoch begins with
 * `model.train()`.
 *
 * @throws RangeError before the first step where the last batch would leave batch norm one value a channel
 */
export async function* fit(
  model: Module,
  data: TrainingData,
  options: FitOptions,
): AsyncGenerator<Progress, void, void> {
  const { loss, optimizer, epochs = 1, validation, metrics = {}, beforeStep, signal } = options;
  checkInteger('fit', 'epochs', epochs, 0);
  for (const [name, value] of Object.entries({ loss, optimizer })) {
    if (!value) throw new TypeError(`fit: ${name} is missing: pass { loss, optimizer }`);
  }
  const schedules = [options.schedule ?? []].flat() as Schedule[];
  const { epochOf, steps } = source(model, data, options);
  const events = macrotask();
  let turned = performance.now();
  let asked = turned;
  let iterator: Iterator<Batch> | undefined;
  try {
    for (let epoch = 1; epoch <= epochs; epoch++) {
      model.train();
      iterator = epochOf(epoch)[Symbol.iterator]();
      let next = iterator.next();
      for (let step = 1; !next.done; step++) {
        signal?.throwIfAborted();
        const batch = next.value;
        const prediction = model.forward(batch.inputs);
        const value = loss.forward(prediction, batch.targets);
        optimizer.zeroGrad();
        model.backward(loss.backward());
        beforeStep?.();
        optimizer.step();
        for (const schedule of schedules) if (schedule.unit === 'step') schedule.step();
        const progress: Progress = {
          epoch,
          step,
          steps,
          loss: value,
          accuracy: accuracyOf(prediction, batch.targets),
          metrics: measure(metrics, prediction, batch.targets),
          samplesPerSecond: 0,
        };
        // Batches may reuse their arrays: the next one is asked for when this one has been read.
        next = iterator.next();
        if (next.done) {
          for (const schedule of schedules) if (schedule.unit === 'epoch') schedule.step();
          if (validation) progress.validation = evaluate(model, validation, loss, { metrics });
        }
        const now = performance.now();
        progress.samplesPerSecond = (1000 * prediction.shape[0]!) / (now - asked);
        if (now - turned >= STRETCH) {
          await events.turn();
          turned = performance.now();
        }
        yield progress;
        asked = performance.now();
      }
    }
  } finally {
    iterator?.return?.();
    events.close();
  }
}

/**
 * A model's loss, accuracy and further metrics over a data set, by `predict`: running statistics, no
 * dropout, and nothing about the model changes.
 *
 * @param loss left out, only accuracy and metrics are measured
 * @param options.batchSize samples at a time, for a data set; default 256. The result does not depend on
 *   it but for the rounding of the mean.
 */
export function evaluate(
  model: Module,
  data: Dataset | Iterable<Batch>,
  loss?: AnyLoss,
  { batchSize = 256, metrics = {} }: { batchSize?: number; metrics?: FitOptions['metrics'] } = {},
): Evaluation {
  const sums: Evaluation = { loss: 0, accuracy: 0, metrics: {} };
  let samples = 0;
  const parts: Iterable<Batch> = isDataset(data) ? batches(data, { batchSize }) : data;
  for (const { inputs, targets } of parts) {
    const prediction = model.predict(inputs);
    const n = prediction.shape[0]!;
    samples += n;
    sums.loss += loss
      ? loss.forward(prediction, targets) * (loss.reduction === 'sum' ? 1 : n)
      : NaN;
    sums.accuracy += accuracyOf(prediction, targets) * n;
    for (const [name, value] of Object.entries(measure(metrics, prediction, targets))) {
      sums.metrics[name] = (sums.metrics[name] ?? 0) + value * n;
    }
  }
  if (samples === 0) throw new RangeError('evaluate: expected at least one sample, got none');
  sums.loss /= samples;
  sums.accuracy /= samples;
  for (const name of Object.keys(sums.metrics)) sums.metrics[name]! /= samples;
  return sums;
}

/** The batches of each epoch, after the checks that can be made before the first. */
function source(
  model: Module,
  data: TrainingData,
  { batchSize, dropLast, shuffle = true, seed }: FitOptions,
): { epochOf: (epoch: number) => Iterable<Batch>; steps: number } {
  if (typeof data === 'function') return { epochOf: data, steps: Number.NaN };
  const all = isDataset(data) ? batches(data, { batchSize, dropLast, shuffle, seed }) : data;
  if (typeof all?.[Symbol.iterator] !== 'function') {
    throw new TypeError(`fit: data expected { inputs, targets } or batches, got ${describe(data)}`);
  }
  if (all instanceof Batches) {
    checkLastBatch(model, all);
    return { epochOf: () => all, steps: all.steps };
  }
  return { epochOf: () => all, steps: Array.isArray(all) ? all.length : Number.NaN };
}

/** Lets the layers refuse a smaller last batch now, and not after an epoch of work. */
function checkLastBatch(model: Module, { inputs, size, batchSize, steps }: Batches): void {
  const rest = size - (steps - 1) * batchSize;
  if (rest <= 0 || rest >= batchSize) return;
  try {
    model.train();
    verifyStep(model, [[rest, ...inputs.shape.slice(1)]]);
  } catch (cause) {
    throw new RangeError(
      `fit: the last batch would hold ${rest} of ${size} samples, and ${(cause as Error).message} ` +
        '(pass { dropLast: true } or another batchSize)',
      { cause },
    );
  }
}

function isDataset(data: object): data is Dataset {
  return data !== null && typeof data === 'object' && 'inputs' in data && 'targets' in data;
}

function measure(
  metrics: Readonly<Record<string, Metric>>,
  prediction: Tensor,
  targets: unknown,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, metric]) => [name, metric(prediction, targets)]),
  );
}

/** Accuracy where the targets are classes, one a prediction; else NaN. */
function accuracyOf(prediction: Tensor, targets: unknown): number {
  const classes = prediction.shape[1];
  if (classes === undefined || classes < 2) return Number.NaN;
  const labels = (targets instanceof Tensor ? targets.view() : targets) as ArrayLike<number>;
  return labels.length === prediction.size / classes ? accuracy(prediction, labels) : Number.NaN;
}
