import { type Batch, Batches, batches, type Dataset } from '../data/batches.ts';
import { verifyStep } from '../graph/session.ts';
import { Loss } from '../losses/loss.ts';
import { Module } from '../module/module.ts';
import { Optimizer } from '../optim/optimizer.ts';
import type { Schedule } from '../optim/schedule.ts';
import { macrotask } from '../runtime/macrotask.ts';
import { checkInteger, checkRecord, throwIfAborted, unexpected } from '../tensor/check.ts';
import { checkFunction, checkInstance, checkSignal, optionsOf } from '../tensor/options.ts';
import { Tensor } from '../tensor/tensor.ts';
import { type Hits, hits } from './metrics.ts';

/** Computes a number from the prediction and targets of a batch, averaged over the batch's samples. */
// biome-ignore lint/suspicious/noExplicitAny: the type of the targets depends on the loss
export type Metric = (prediction: Tensor, targets: any) => number;

// biome-ignore lint/suspicious/noExplicitAny: as above
export type AnyLoss = Loss<any>;

/** A data set to split into batches, an iterable of batches, or a function that returns an epoch's batches. */
export type TrainingData = Dataset | Iterable<Batch> | ((epoch: number) => Iterable<Batch>);

/** A place in a training run. `loadCheckpoint` of `evenkeel/state` returns it. */
export interface Resumption {
  /** The epoch's number, from 1. */
  readonly epoch: number;
  /** The steps of this epoch that are done, at least 1. */
  readonly step: number;
  /**
   * Begins the epoch `epoch` of this data after the steps that are done.
   *
   * @throws RangeError if it is not the data of the run
   */
  start(data: Iterable<Batch>): Iterator<Batch>;
}

/** @internal The batches that a step's batch was taken from. */
export const sources = /* @__PURE__ */ new WeakMap<Progress, Iterable<Batch>>();

export interface FitOptions {
  /**
   * The loss. Left out if the model computes it: if its forward returns a loss, which is a tensor with one element,
   * or a record with such a tensor as `loss`.
   */
  loss?: AnyLoss | undefined;
  optimizer: Optimizer;
  /** Epochs of the whole run, those before a `resume` included. Default 1. */
  epochs?: number;
  /** Samples per batch, if the data is a data set. Default 32. */
  batchSize?: number;
  /** Schedules, each of which is stepped after every step or every epoch according to its `unit`. */
  schedule?: Schedule | readonly Schedule[];
  /** Seed for shuffling. Default: the generator that `manualSeed` seeds draws the orders. */
  seed?: number;
  /** Whether a data set is shuffled before each epoch. Default true. */
  shuffle?: boolean;
  /** Data to evaluate the model on at the end of each epoch. */
  validation?: Dataset | Iterable<Batch>;
  /** Further metrics to report for each batch and for the validation data, by name. */
  metrics?: Readonly<Record<string, Metric>>;
  /** Whether to skip a last batch that is smaller than the others. Default false. */
  dropLast?: boolean;
  /** Called between `backward` and the optimizer's step, for example to clip gradients. */
  beforeStep?: () => void;
  /**
   * Where to continue a run: what `loadCheckpoint` of `evenkeel/state` returns. Give the same data and
   * options as before. The results have the bits of a run without interruption.
   */
  resume?: Resumption | undefined;
  /** When it is aborted, training stops before the next step and throws the signal's reason. */
  signal?: AbortSignal;
}

/** The results of an evaluation. */
export interface Evaluation {
  /** Mean loss over samples, weighted as the loss weights them; NaN if no loss was given. */
  loss: number;
  /**
   * Fraction of samples whose class is predicted correctly, without those that the loss ignores; NaN if the
   * targets are not classes.
   */
  accuracy: number;
  /** Further metrics by name. */
  metrics: Record<string, number>;
}

/** The values that `fit` yields after each step. Loss, accuracy and metrics are those of the batch. */
export interface Progress extends Evaluation {
  /** The epoch's number, from 1. */
  epoch: number;
  /** The step's number in the epoch, from 1. */
  step: number;
  /** Steps per epoch; NaN for an iterable whose length is unknown. */
  steps: number;
  /** The batch's samples, divided by the time since the consumer asked for this step, without validation. */
  samplesPerSecond: number;
  /** The evaluation on the validation data, after the last step of an epoch. */
  validation?: Evaluation;
}

/** The longest time in ms that `fit` runs without giving way to the event loop. */
const TURN_INTERVAL = 30;

/**
 * Trains a model, step by step.
 *
 * ```ts
 * for await (const { epoch, step, steps, loss } of fit(model, { inputs, targets }, { loss: criterion, optimizer, epochs: 3, batchSize: 100 })) {
 *   console.log(epoch, step, steps, loss);
 * }
 * ```
 *
 * Each step runs forward, loss, `zeroGrad`, backward and the optimizer's step, and yields the batch's loss
 * and accuracy. `fit` gives way to the event loop at least every 30 ms, or after each step if a step takes
 * longer. You may leave the loop at any time; the model keeps the state after the last step. Each epoch
 * begins with `model.train()`.
 *
 * @throws TypeError if the optimizer is missing, if the loss is and the model computes none, or if `data` is of another type
 * @throws RangeError before the first step, if the last batch is so small that a layer refuses it (batch
 *   norm needs more than one value per channel), or if `resume` belongs to other data
 */
export async function* fit(
  model: Module,
  data: TrainingData,
  ...rest: [options: FitOptions]
): AsyncGenerator<Progress, void, void> {
  const options = optionsOf('fit', rest, {
    loss: undefined,
    optimizer: undefined,
    epochs: 1,
    batchSize: 32,
    schedule: undefined,
    seed: undefined,
    shuffle: true,
    validation: undefined,
    metrics: undefined,
    dropLast: false,
    beforeStep: undefined,
    resume: undefined,
    signal: undefined,
  }) as Checked;
  const { loss, optimizer, epochs, validation, beforeStep, resume, signal } = options;
  checkInstance('fit: model', model, Module, 'a Module');
  if (loss !== undefined) checkInstance('fit: loss', loss, Loss, 'a loss such as new MSELoss()');
  checkInstance('fit: optimizer', optimizer, Optimizer, 'an Optimizer');
  checkReduced('fit', loss);
  checkInteger('fit', 'epochs', epochs, 0);
  const schedules = [options.schedule ?? []].flat() as Schedule[];
  for (const schedule of schedules) {
    checkFunction('fit: schedule.step', schedule?.step);
  }
  const metrics = checkedMetrics('fit', options.metrics);
  if (beforeStep !== undefined) checkFunction('fit: beforeStep', beforeStep);
  if (resume !== undefined) checkFunction('fit: resume.start', resume?.start);
  checkSignal('fit', signal);
  const { batchesOf, steps } = prepareData(model, data, options);
  const events = macrotask();
  let lastTurn = performance.now();
  let requested = lastTurn;
  let iterator: Iterator<Batch> | undefined;
  try {
    let step = resume?.step ?? 0;
    for (let epoch = resume?.epoch ?? 1; epoch <= epochs; epoch++) {
      model.train();
      const source = batchesOf(epoch);
      checkIterable('fit', source);
      iterator = step ? resume!.start(source) : source[Symbol.iterator]();
      let next = iterator.next();
      if (next.done && !step) {
        throw new RangeError(
          `fit: data expected batches in epoch ${epoch}, got none: pass a function that returns them`,
        );
      }
      while (!next.done) {
        throwIfAborted(signal);
        const batch = next.value;
        const prediction = model.forward(batch.inputs);
        const samples = samplesOf(batch);
        const value = loss ? loss.forward(prediction, batch.targets) : ownLoss(prediction).item();
        optimizer.zeroGrad();
        if (loss) model.backward(loss.backward());
        else model.backward(prediction instanceof Tensor ? 1 : { loss: 1 });
        beforeStep?.();
        optimizer.step();
        for (const schedule of schedules) if (schedule.unit === 'step') schedule.step();
        const progress: Progress = {
          epoch,
          step: ++step,
          steps,
          loss: value,
          accuracy: quotient(hitsOf(prediction, batch.targets, loss)),
          metrics: measure(metrics, prediction, batch.targets),
          samplesPerSecond: 0,
        };
        sources.set(progress, source);
        // Batches may reuse their arrays, so the next batch is requested after this one has been read.
        next = iterator.next();
        progress.samplesPerSecond = (1000 * samples) / (performance.now() - requested);
        if (next.done) {
          if (validation) progress.validation = evaluate(model, validation, loss, { metrics });
          for (const schedule of schedules) {
            if (schedule.unit === 'epoch') schedule.step(progress.validation);
          }
        }
        if (performance.now() - lastTurn >= TURN_INTERVAL) {
          await events.turn();
          lastTurn = performance.now();
        }
        yield progress;
        requested = performance.now();
      }
      step = 0;
    }
  } catch (error) {
    try {
      iterator?.return?.();
    } catch {
      // the first error says what went wrong
    }
    iterator = undefined;
    throw error;
  } finally {
    events.close();
    iterator?.return?.();
  }
}

/**
 * Computes a model's loss, accuracy and further metrics over a data set. It calls `predict`, which uses
 * running statistics and no dropout, and changes nothing in the model.
 *
 * @param loss if left out, the loss is the one that the model computes (see `FitOptions`), else NaN
 * @param options.batchSize samples per batch, if `data` is a data set; default 256. It affects the result
 *   only by the rounding of the mean, with class weights and ignored places too.
 * @param options.metrics further metrics by name
 * @throws RangeError if there are no samples
 */
export function evaluate(
  model: Module,
  data: Dataset | Iterable<Batch>,
  loss?: AnyLoss,
  ...rest: [options?: { batchSize?: number; metrics?: FitOptions['metrics'] } | undefined]
): Evaluation {
  const options = optionsOf('evaluate', rest, { batchSize: 256, metrics: undefined });
  const { batchSize } = options;
  const metrics = checkedMetrics('evaluate', options.metrics);
  checkInstance('evaluate: model', model, Module, 'a Module');
  if (loss !== undefined) {
    checkInstance('evaluate: loss', loss, Loss, 'a loss or undefined');
    checkReduced('evaluate', loss);
  }
  const sums: Evaluation = { loss: 0, accuracy: 0, metrics: {} };
  let samples = 0;
  let weights = 0;
  const classes = { right: 0, counted: 0 };
  const parts: Iterable<Batch> = isDataset(data) ? batches(data, { batchSize }) : data;
  checkIterable('evaluate', parts);
  for (const { inputs, targets } of parts) {
    const prediction = model.predict(inputs);
    const n = samplesOf({ inputs });
    samples += n;
    const own = loss ? undefined : lossIn(prediction);
    if (own) {
      sums.loss += own.item() * n;
      weights += n;
    } else if (loss) {
      const value = loss.forward(prediction, targets);
      const weight = loss.batchWeight;
      // A batch that the loss ignores as a whole has no mean, and no weight.
      if (weight > 0) sums.loss += loss.reduction === 'sum' ? value : value * weight;
      weights += weight;
    }
    const { right, counted } = hitsOf(prediction, targets, loss);
    classes.right += right;
    classes.counted += counted;
    for (const [name, value] of Object.entries(measure(metrics, prediction, targets))) {
      sums.metrics[name] = (sums.metrics[name] ?? 0) + value * n;
    }
  }
  if (samples === 0) throw new RangeError('evaluate: expected at least one sample, got none');
  sums.loss /= weights;
  sums.accuracy = quotient(classes);
  for (const name of Object.keys(sums.metrics)) sums.metrics[name]! /= samples;
  return sums;
}

/** The options of `fit`, with their defaults. */
type Checked = FitOptions &
  Required<Pick<FitOptions, 'epochs' | 'batchSize' | 'shuffle' | 'dropLast'>>;

/** @throws RangeError if the loss gives no number */
function checkReduced(who: string, loss: AnyLoss | undefined): void {
  if (loss?.reduction !== 'none') return;
  throw new RangeError(`${who}: loss expected the reduction 'mean' or 'sum', got 'none'`);
}

/** @throws TypeError unless `data` can be iterated over */
function checkIterable(who: string, data: unknown): void {
  if (typeof data === 'object' && data !== null && Symbol.iterator in data) return;
  throw unexpected(`${who}: data`, '{ inputs, targets } or batches', data);
}

/** @throws TypeError unless they are functions by name */
function checkedMetrics(who: string, metrics: FitOptions['metrics'] = {}) {
  checkRecord(`${who}: metrics`, metrics, 'functions');
  for (const [name, metric] of Object.entries(metrics)) checkFunction(`${who}: ${name}`, metric);
  return metrics;
}

/** Checks the data, and returns a function that gives an epoch's batches and the steps per epoch. */
function prepareData(
  model: Module,
  data: TrainingData,
  { batchSize, dropLast, shuffle, seed }: Checked,
): { batchesOf: (epoch: number) => Iterable<Batch>; steps: number } {
  if (typeof data === 'function') return { batchesOf: data, steps: Number.NaN };
  const all = isDataset(data) ? batches(data, { batchSize, dropLast, shuffle, seed }) : data;
  checkIterable('fit', all);
  if (all instanceof Batches) {
    checkLastBatch(model, all);
    return { batchesOf: () => all, steps: all.steps };
  }
  return { batchesOf: () => all, steps: Array.isArray(all) ? all.length : Number.NaN };
}

/** Lets the layers refuse a smaller last batch before training starts, not at the end of the first epoch. */
function checkLastBatch(model: Module, { inputs, size, batchSize, steps }: Batches): void {
  const rest = size - (steps - 1) * batchSize;
  if (rest <= 0 || rest >= batchSize) return;
  try {
    model.train();
    verifyStep(model, [[rest, ...inputs.shape.slice(1)]]);
  } catch (cause) {
    throw new RangeError(
      `fit: the last batch would have ${rest} of ${size} samples: pass { dropLast: true } or another ` +
        `batchSize (${(cause as Error).message})`,
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

/** Samples of a batch. */
function samplesOf({ inputs }: Pick<Batch, 'inputs'>): number {
  const [first = inputs] = [inputs].flat();
  return first.shape[0]!;
}

/** The loss that a model has computed itself: its output, or `loss` of its outputs. */
function lossIn(prediction: unknown): Tensor | undefined {
  const value = prediction instanceof Tensor ? prediction : (prediction as { loss?: unknown }).loss;
  return value instanceof Tensor && value.size === 1 ? value : undefined;
}

function ownLoss(prediction: unknown): Tensor {
  const value = lossIn(prediction);
  if (value) return value;
  throw new TypeError(
    'fit: loss expected a loss such as new MSELoss(), got undefined: pass one, or return it from forward',
  );
}

/** How many classes are right, of how many that count; NaN if the targets are not classes, one a prediction. */
function hitsOf(prediction: Tensor, targets: unknown, loss: AnyLoss | undefined): Hits {
  const classes = prediction instanceof Tensor ? (prediction.shape[1] ?? 0) : 0;
  const labels = (targets instanceof Tensor ? targets.view() : targets) as ArrayLike<number>;
  if (classes < 2 || labels.length !== prediction.size / classes) {
    return { right: Number.NaN, counted: Number.NaN };
  }
  return hits(prediction, labels, (loss as { ignoreIndex?: number } | undefined)?.ignoreIndex);
}

function quotient({ right, counted }: Hits): number {
  return right / counted;
}
