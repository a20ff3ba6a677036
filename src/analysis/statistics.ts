import { BatchNorm } from '../layers/batchnorm/base.ts';
import { Population } from '../layers/batchnorm/population.ts';
import type { Module } from '../module/module.ts';
import { checkInteger, checkNumber, describe, shapeText, sizeOf } from '../tensor/check.ts';
import { type Input, inputShape, inputValues } from '../tensor/tensor.ts';

type Inputs = Input | readonly Input[];

/**
 * What statistics are taken from: samples to cut into batches (a Tensor or `{ data, shape }`, also under
 * `inputs` as in a data set), or batches, each in any of these forms or an array of several inputs.
 */
export type StatisticsData =
  | Input
  | { readonly inputs: Input }
  | Iterable<Inputs | { readonly inputs: Inputs }>;

export interface StatisticsOptions {
  /** Samples a batch, where there are samples to cut. Default 256. */
  batchSize?: number;
  /** Whether a last batch that would be smaller is left out. Default false: it counts for what it holds. */
  dropLast?: boolean;
}

export interface AdaptOptions extends StatisticsOptions {
  /** How many samples the present statistics count for. Default 0: they are replaced. */
  prior?: number;
}

/**
 * Gives each batch norm the statistics of a whole data set ("precise batch norm", Wu and Johnson, 2021,
 * arXiv:2105.07576):
 *
 *   running mean ← mean of all m values      running variance ← Σ(x − mean)²/(m − 1)
 *
 * (over m for a layer with `runningVariance: 'biased'`). Moving averages lag behind the weights, and an
 * average of batches' variances leaves out how the batches' means differ; here the batches are merged
 * exactly, by the law of total variance, in float64.
 *
 * ```ts
 * recomputeStatistics(model, { data: images, shape: [60000, 1, 28, 28] }, { batchSize: 100 });
 * ```
 *
 * Each batch goes through the model once, normalised by its own statistics as in training, but without
 * dropout. Nothing else changes: not the mode, nor a pending backward, nor the generator.
 * `num_batches_tracked` becomes the number of batches, from which `momentum: null` goes on. Layers with
 * `frozenStatistics` keep theirs.
 *
 * @returns the number of samples seen
 * @throws RangeError where the model has no batch norm whose statistics may change, for data without a
 *   sample, or a batch with one value a channel; nothing has changed then
 */
export function recomputeStatistics(
  model: Module,
  data: StatisticsData,
  options: StatisticsOptions = {},
): number {
  const { found, samples } = gather('recomputeStatistics', model, data, options);
  for (const [layer, population] of found) {
    layer.setStatistics(
      population.mean,
      population.variance(layer.runningVariance === 'unbiased'),
      population.batches,
    );
  }
  return samples;
}

/**
 * Moves each batch norm's statistics to another domain, from unlabelled samples of it (AdaBN: Li et al.,
 * 2016, arXiv:1603.04779). Weights stay as they are.
 *
 *   running ← (prior·running + n·new)/(prior + n)
 *
 * for the mean and the variance, with n the samples seen. With few of them, `prior` says for how many
 * samples the old statistics stand (Schneider et al., 2020, arXiv:2006.16971).
 *
 * ```ts
 * adaptStatistics(model, nightImages);                       // [N, 3, 32, 32], no labels
 * adaptStatistics(model, oneFoggyBatch, { prior: 64 });
 * ```
 *
 * Batches are taken in as by `recomputeStatistics`; `num_batches_tracked` stays.
 *
 * @returns the number of samples seen
 * @throws as recomputeStatistics; RangeError for a prior below 0
 */
export function adaptStatistics(
  model: Module,
  data: StatisticsData,
  { prior = 0, ...options }: AdaptOptions = {},
): number {
  checkNumber('adaptStatistics', 'prior', prior, 0);
  const { found, samples } = gather('adaptStatistics', model, data, options);
  const share = samples / (prior + samples);
  const mix = (now: Float32Array, then: Float64Array): Float64Array =>
    then.map((value, j) => (1 - share) * now[j]! + share * value);
  for (const [layer, population] of found) {
    layer.setStatistics(
      mix(layer.runningMean!.data.view(), population.mean),
      mix(layer.runningVar!.data.view(), population.variance(layer.runningVariance === 'unbiased')),
    );
  }
  return samples;
}

/** The populations that the model's batch norms meet in the data. */
function gather(
  who: string,
  model: Module,
  data: StatisticsData,
  options: StatisticsOptions,
): { found: [BatchNorm, Population][]; samples: number } {
  const found: [BatchNorm, Population][] = [];
  for (const [, layer] of model.namedModules()) {
    if (!(layer instanceof BatchNorm) || !layer.runningMean || layer.frozenStatistics) continue;
    found.push([layer, new Population(layer.numFeatures)]);
  }
  if (found.length === 0) {
    throw new RangeError(
      `${who}: expected a model with a batch norm that keeps running statistics and is not frozen, ` +
        `got ${model} without one`,
    );
  }
  let samples = 0;
  try {
    for (const [layer, population] of found) layer.population = population;
    for (const batch of batchesOf(who, data, options)) samples += model.predict(batch).shape[0]!;
  } finally {
    for (const [layer] of found) layer.population = undefined;
  }
  if (samples === 0) throw new RangeError(`${who}: expected at least one batch, got none`);
  const idle = found.find(([, { count }]) => count === 0);
  if (idle) {
    throw new RangeError(`${who}: ${idle[0]} got no input: the model's forward leaves it out`);
  }
  return { found, samples };
}

function* batchesOf(
  who: string,
  data: StatisticsData,
  options: StatisticsOptions,
): Iterable<Inputs> {
  if (data === null || typeof data !== 'object') {
    throw new TypeError(`${who}: data expected samples or batches, got ${describe(data)}`);
  }
  if (Symbol.iterator in data) {
    for (const batch of data) yield inputsOf(batch) as Inputs;
  } else {
    yield* cut(who, inputsOf(data) as Input, options);
  }
}

function inputsOf<T extends object>(given: T): unknown {
  return 'inputs' in given ? given.inputs : given;
}

/** Samples [N, …] as batches, which share their memory where they are a typed array. */
function* cut(
  who: string,
  samples: Input,
  { batchSize = 256, dropLast = false }: StatisticsOptions,
): Iterable<Input> {
  checkInteger(who, 'batchSize', batchSize);
  const shape = inputShape(who, samples);
  const [n = 0, ...extents] = shape;
  const width = sizeOf(extents);
  const end = dropLast ? n - (n % batchSize) : n;
  if (end === 0) {
    throw new RangeError(
      `${who}: expected ${n > 0 ? `a batch of ${batchSize} samples` : 'samples'}, got ${shapeText(shape)}`,
    );
  }
  for (let from = 0; from < end; from += batchSize) {
    const to = Math.min(from + batchSize, end);
    const values = inputValues(samples);
    const data = ArrayBuffer.isView(values)
      ? (values as Float32Array).subarray(from * width, to * width)
      : Array.prototype.slice.call(values, from * width, to * width);
    yield { data, shape: [to - from, ...extents] };
  }
}
