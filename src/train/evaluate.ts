import { type Batch, batches, type Dataset } from '../data/batches.ts';
import { Loss } from '../losses/loss.ts';
import { Module } from '../module/module.ts';
import { checkRecord, unexpected } from '../tensor/check.ts';
import { checkFunction, checkInstance, optionsOf } from '../tensor/options.ts';
import { Tensor } from '../tensor/tensor.ts';
import { type BatchSource, checkIterable, isAsync, isDataset } from './data.ts';
import type { Metrics, PlainMetrics } from './metric.ts';
import { type AnyLoss, type Evaluation, Totals } from './totals.ts';

/**
 * Maps a batch to the one that the model and the loss get.
 *
 * @param training whether it is a batch to train on, or one to evaluate on
 */
export type Transform = (batch: Batch, training: boolean) => TransformedBatch;

/** What a `Transform` returns: the inputs for the model, and the targets for the loss. */
export interface TransformedBatch {
  // biome-ignore lint/suspicious/noExplicitAny: they depend on the model
  readonly inputs: any;
  // biome-ignore lint/suspicious/noExplicitAny: they depend on the loss
  readonly targets: any;
}

export interface EvaluateOptions<M extends Metrics = PlainMetrics> {
  /**
   * Samples per batch, if `data` is a data set; default 256. It affects the result only by the rounding of the
   * mean, with class weights and ignored places too.
   */
  batchSize?: number;
  /** Further metrics by name. */
  metrics?: M;
  /** Maps each batch before the model gets it. */
  transform?: Transform | undefined;
}

/**
 * Computes a model's loss, accuracy and further metrics over a data set. It calls `predict`, which uses
 * running statistics and no dropout, and changes nothing in the model.
 *
 * @param data a data set, or batches; for those that arrive one after the other it returns a Promise
 * @param loss if left out, the loss is the one that the model computes (see `FitOptions`), else NaN
 * @throws RangeError if there are no samples
 */
export function evaluate<M extends Metrics = PlainMetrics>(
  model: Module,
  data: Dataset | Iterable<Batch>,
  loss?: AnyLoss,
  ...rest: [options?: EvaluateOptions<M> | undefined]
): Evaluation<M>;
export function evaluate<M extends Metrics = PlainMetrics>(
  model: Module,
  data: AsyncIterable<Batch>,
  loss?: AnyLoss,
  ...rest: [options?: EvaluateOptions<M> | undefined]
): Promise<Evaluation<M>>;
export function evaluate(
  model: Module,
  data: Dataset | BatchSource,
  loss?: AnyLoss,
  ...rest: [options?: EvaluateOptions<Metrics> | undefined]
): Evaluation<Metrics> | Promise<Evaluation<Metrics>> {
  const table = { batchSize: 256, metrics: undefined, transform: undefined };
  const options = optionsOf('evaluate', rest, table);
  const { batchSize, metrics = {}, transform } = options;
  checkMetrics('evaluate', metrics);
  if (transform !== undefined) checkFunction('evaluate: transform', transform);
  checkInstance('evaluate: model', model, Module, 'a Module');
  checkLoss('evaluate', loss);
  const parts: BatchSource = isDataset(data) ? batches(data, { batchSize }) : data;
  checkIterable('evaluate', parts);
  const totals = new Totals(metrics);
  const add = (batch: Batch) => {
    const { inputs, targets } = transform ? checkBatch(transform(batch, false)) : batch;
    const prediction = model.predict(inputs);
    const value = (loss ? loss.forward(prediction, targets) : lossIn(prediction)?.item()) ?? NaN;
    totals.add(prediction, targets, samplesOf(inputs), value, loss);
  };
  const result = () => {
    if (totals.sums.samples > 0) return totals.result;
    throw new RangeError('evaluate: expected at least one sample, got none');
  };
  if (isAsync(parts)) {
    return (async () => {
      for await (const batch of parts) add(batch);
      return result();
    })();
  }
  for (const batch of parts) add(batch);
  return result();
}

/**
 * @throws TypeError if it is no loss
 * @throws RangeError if the loss gives no number
 */
export function checkLoss(who: string, loss: AnyLoss | undefined): void {
  if (loss === undefined) return;
  checkInstance(`${who}: loss`, loss, Loss, 'a loss such as new MSELoss()');
  if (loss.reduction !== 'none') return;
  throw new RangeError(`${who}: loss expected the reduction 'mean' or 'sum', got 'none'`);
}

/** @throws TypeError unless they are functions by name */
export function checkMetrics(who: string, metrics: Metrics): void {
  checkRecord(`${who}: metrics`, metrics, 'functions');
  for (const [name, metric] of Object.entries(metrics)) checkFunction(`${who}: ${name}`, metric);
}

/** @throws TypeError if a transform returned no batch */
export function checkBatch(batch: TransformedBatch): TransformedBatch {
  if (isDataset(batch)) return batch;
  throw unexpected('transform', 'to return { inputs, targets }', batch);
}

/** Samples of a batch. */
export function samplesOf(inputs: Batch['inputs']): number {
  const [first = inputs] = [inputs].flat();
  return first.shape[0]!;
}

/** The loss that a model has computed itself: its output, or `loss` of its outputs. */
export function lossIn(prediction: unknown): Tensor | undefined {
  const value = prediction instanceof Tensor ? prediction : (prediction as { loss?: unknown }).loss;
  return value instanceof Tensor && value.size === 1 ? value : undefined;
}
