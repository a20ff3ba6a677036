/** The data of a training: batches that are there, that arrive, or that are made anew for each epoch. */
import { type Batch, Batches, batches, type Dataset } from '../data/batches.ts';
import { verifyStep } from '../graph/session.ts';
import type { Module } from '../module/module.ts';
import { unexpected } from '../tensor/check.ts';
import type { Shape } from '../tensor/shape.ts';

/** Batches that are there, or that arrive one after the other. */
export type BatchSource = Iterable<Batch> | AsyncIterable<Batch>;

/** A data set to split into batches, an iterable of batches, or a function that returns an epoch's batches. */
export type TrainingData =
  | Dataset
  | BatchSource
  | ((epoch: number) => BatchSource | Promise<BatchSource>);

/** Either kind of iterator; the results of both can be awaited. */
export type BatchIterator = Iterator<Batch> | AsyncIterator<Batch>;

/** @throws TypeError unless `data` can be iterated over */
export function checkIterable(who: string, data: unknown): void {
  if (typeof data === 'object' && data && (Symbol.iterator in data || isAsync(data))) return;
  throw unexpected(`${who}: data`, '{ inputs, targets } or batches', data);
}

/** Whether batches arrive. What has both kinds of iterators is read by the one that does not wait. */
export function isAsync(data: object): data is AsyncIterable<Batch> {
  return Symbol.asyncIterator in data && !(Symbol.iterator in data);
}

export function isDataset(data: object): data is Dataset {
  return data !== null && typeof data === 'object' && 'inputs' in data && 'targets' in data;
}

/** Begins an epoch. */
export function iterate(data: BatchSource): BatchIterator {
  return isAsync(data) ? data[Symbol.asyncIterator]() : data[Symbol.iterator]();
}

/** The batches of each epoch, and how many there are. */
export interface Prepared {
  batchesOf(epoch: number): BatchSource | Promise<BatchSource>;
  /** Batches per epoch; NaN if that is unknown. */
  readonly steps: number;
  /** The data set in batches, if there is one. */
  readonly all?: Batches;
}

/** How a data set becomes batches. */
interface Splitting {
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly shuffle: boolean;
  readonly seed?: number | undefined;
}

/** Checks the data, and prepares to take epochs from it. */
export function prepareData(
  data: TrainingData,
  { batchSize, dropLast, shuffle, seed }: Splitting,
): Prepared {
  if (typeof data === 'function') return { batchesOf: data, steps: Number.NaN };
  const all = isDataset(data) ? batches(data, { batchSize, dropLast, shuffle, seed }) : data;
  checkIterable('fit', all);
  const batchesOf = () => all;
  if (all instanceof Batches) return { batchesOf, steps: all.steps, all };
  return { batchesOf, steps: Array.isArray(all) ? all.length : Number.NaN };
}

/**
 * Lets the layers refuse a smaller last batch before training starts, not at the end of the first epoch.
 *
 * @param shapes the shapes that the model's inputs have
 * @param samples the samples that they are made of
 */
export function checkLastBatch(
  model: Module,
  { size, batchSize, steps }: Batches,
  shapes: readonly Shape[],
  samples: number,
): void {
  const rest = size - (steps - 1) * batchSize;
  if (rest <= 0 || rest >= batchSize) return;
  try {
    model.train();
    verifyStep(
      model,
      shapes.map(([n = 0, ...others]) => [Math.ceil((rest * n) / samples), ...others]),
    );
  } catch (cause) {
    throw new RangeError(
      `fit: the last batch would have ${rest} of ${size} samples: pass { dropLast: true } or another ` +
        `batchSize (${(cause as Error).message})`,
      { cause },
    );
  }
}
