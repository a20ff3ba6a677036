import type { Batch, Dataset } from '../data/batches.ts';
import { Module } from '../module/module.ts';
import { Optimizer } from '../optim/optimizer.ts';
import type { Schedule } from '../optim/schedule.ts';
import { checkInteger, checkNumber, unexpected } from '../tensor/check.ts';
import { checkFunction, checkInstance, checkSignal, optionsOf } from '../tensor/options.ts';
import type { Generator } from '../tensor/random.ts';
import type { Input } from '../tensor/tensor.ts';
import type { BatchIterator, BatchSource } from './data.ts';
import { checkLoss, checkMetrics, type Transform } from './evaluate.ts';
import type { Metrics, PlainMetrics } from './metric.ts';
import type { AnyLoss } from './totals.ts';

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
  start(data: BatchSource): BatchIterator | Promise<BatchIterator>;
  /** @internal Restores what the run keeps: its history, the best weights, gradients that wait. */
  restore?(run: object): void;
}

/** Changes the inputs of batches at random; `augment` of `evenkeel/data` makes one. */
export interface Augmenter {
  /** What it draws from; a checkpoint stores its state. */
  readonly generator: Generator;
  /** The changed inputs; they may stand in an array that the next call overwrites. */
  apply(inputs: Input): Batch['inputs'];
}

export interface FitOptions<M extends Metrics = PlainMetrics> {
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
  validation?: Dataset | BatchSource;
  /** Further metrics to report for each batch and for the validation data, by name. */
  metrics?: M;
  /** Whether to skip a last batch that is smaller than the others. Default false. */
  dropLast?: boolean;
  /**
   * Batches whose mean gradient makes one step of the optimizer. Default 1. The last step of an epoch takes the mean
   * of those that are left. Batch norm sees each batch by itself: its statistics are no better than those of one.
   */
  accumulate?: number;
  /**
   * The largest norm of all gradients of the optimizer's parameters together: they are scaled down to it before each
   * step (`clipGradNorm`). Default: no limit.
   */
  clipNorm?: number | undefined;
  /** p of the norm that `clipNorm` limits; Infinity is the largest magnitude. Default 2. */
  normType?: number;
  /** Changes the inputs of each training batch at random: `augment(…)` of `evenkeel/data`. */
  augment?: Augmenter | undefined;
  /**
   * Maps each batch, after `augment`, to the one that the model and the loss get; batches of the validation data,
   * too. It gets the batch and whether it is one to train on.
   */
  transform?: Transform | undefined;
  /**
   * Epochs in a row without an improvement of the validation after which training ends. Default: it goes on to
   * `epochs`.
   */
  patience?: number | undefined;
  /** What `patience` and `restoreBest` watch of the validation: 'loss', 'accuracy' or a name in `metrics`. Default 'loss'. */
  monitor?: 'loss' | 'accuracy' | (keyof M & string);
  /** Whether it should fall or rise. Default: 'min' for the loss, 'max' for the accuracy; others need it. */
  mode?: 'min' | 'max' | undefined;
  /** What an improvement must exceed. Default 0. */
  minDelta?: number;
  /** Whether the model gets the weights and statistics of its best epoch when training has ended. Default false. */
  restoreBest?: boolean;
  /** Called between `backward` and the optimizer's step, before `clipNorm`, for example to change gradients. */
  beforeStep?: () => void;
  /**
   * Where to continue a run: what `loadCheckpoint` of `evenkeel/state` returns. Give the same data and
   * options as before. The results have the bits of a run without interruption.
   */
  resume?: Resumption | undefined;
  /** When it is aborted, training stops before the next step and throws the signal's reason. */
  signal?: AbortSignal;
}

/**
 * The options with their defaults.
 *
 * @throws TypeError or RangeError for options that are not as they should be
 */
export function checkedOptions(model: Module, rest: readonly [FitOptions<Metrics>]) {
  const who = 'fit';
  const options = optionsOf(who, rest, {
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
    accumulate: 1,
    clipNorm: undefined,
    normType: undefined,
    augment: undefined,
    transform: undefined,
    patience: undefined,
    monitor: undefined,
    mode: undefined,
    minDelta: 0,
    restoreBest: false,
    beforeStep: undefined,
    resume: undefined,
    signal: undefined,
  });
  checkInstance('fit: model', model, Module, 'a Module');
  checkLoss(who, options.loss);
  checkInstance('fit: optimizer', options.optimizer, Optimizer, 'an Optimizer');
  checkInteger(who, 'epochs', options.epochs, 0);
  checkInteger(who, 'accumulate', options.accumulate);
  const { clipNorm, normType = 2, patience, mode, monitor = 'loss' } = options;
  if (clipNorm !== undefined) checkNumber(who, 'clipNorm', clipNorm, 0, Infinity);
  checkNumber(who, 'normType', normType, Number.MIN_VALUE, Infinity);
  if (patience !== undefined) checkInteger(who, 'patience', patience);
  checkNumber(who, 'minDelta', options.minDelta, 0);
  const schedules = [options.schedule ?? []].flat() as Schedule[];
  for (const schedule of schedules) checkFunction('fit: schedule.step', schedule?.step);
  const metrics = options.metrics ?? {};
  checkMetrics(who, metrics);
  const usual = monitor === 'loss' ? 'min' : monitor === 'accuracy' ? 'max' : undefined;
  if (!usual && !Object.hasOwn(metrics, monitor)) {
    const names = ['loss', 'accuracy', ...Object.keys(metrics)].join(', ');
    throw unexpected('fit: monitor', `one of ${names}`, monitor);
  }
  if (mode !== 'min' && mode !== 'max' && (mode !== undefined || !usual)) {
    throw unexpected('fit: mode', `'min' or 'max', for what ${monitor} should do`, mode);
  }
  if ((patience !== undefined || options.restoreBest) && options.validation === undefined) {
    throw new TypeError('fit: patience and restoreBest expected validation data, got none');
  }
  const { augment, transform, beforeStep, resume } = options;
  if (augment !== undefined) checkFunction('fit: augment.apply', augment?.apply);
  if (transform !== undefined) checkFunction('fit: transform', transform);
  if (beforeStep !== undefined) checkFunction('fit: beforeStep', beforeStep);
  if (resume !== undefined) checkFunction('fit: resume.start', resume?.start);
  checkSignal(who, options.signal);
  const { optimizer } = options as { optimizer: Optimizer };
  return { ...options, optimizer, metrics, schedules, normType, monitor, mode: mode ?? usual! };
}

/** The options of `fit`, with their defaults. */
export type Checked = ReturnType<typeof checkedOptions>;
