import { BatchNorm } from '../layers/batchnorm/base.ts';
import { Population } from '../layers/batchnorm/population.ts';
import { Module } from '../module/module.ts';
import { checkInteger, checkNumber, describe } from '../tensor/check.ts';
import { checkInstance, optionsOf } from '../tensor/options.ts';
import { read } from '../tensor/reading.ts';
import { shapeText, sizeOf } from '../tensor/shape.ts';
import type { Input } from '../tensor/tensor.ts';

type Inputs = Input | readonly Input[];

/**
 * The data to compute statistics from. Either samples, which are split into batches: a Tensor,
 * `{ data, shape }`, or a data set with these as `inputs`. Or an iterable of batches, each in one of these
 * forms or an array of them for several inputs.
 */
export type StatisticsData =
  | Input
  | { readonly inputs: Input }
  | Iterable<Inputs | { readonly inputs: Inputs }>;

export interface StatisticsOptions {
  /** Samples per batch, if the data are samples. Default 256. */
  batchSize?: number;
  /** Whether to skip a last batch that is smaller than the others. Default false. */
  dropLast?: boolean;
}

const STATISTICS_OPTIONS = { batchSize: 256, dropLast: false };

export interface AdaptOptions extends StatisticsOptions {
  /** The weight of the present statistics, as a number of samples. Default 0: they are replaced. */
  prior?: number;
}

/**
 * Sets each batch norm's running statistics to those of a whole data set ("precise batch norm", Wu and
 * Johnson, 2021, arXiv:2105.07576):
 *
 *   running mean ← mean of all m values      running variance ← Σ(x − mean)²/(m − 1)
 *
 * (divided by m for a layer with `runningVariance: 'biased'`). Running statistics lag behind the weights,
 * and an average of the batches' variances ignores how the batches' means differ. Here the batches are
 * merged exactly, by the law of total variance, in float64.
 *
 * ```ts
 * recomputeStatistics(model, { data: images, shape: [60000, 1, 28, 28] }, { batchSize: 100 });
 * ```
 *
 * Each batch passes through the model once, normalized by its own statistics as in training, but without
 * dropout. `num_batches_tracked` becomes the number of batches, so that `momentum: null` continues the
 * average. Layers with `frozenStatistics` keep their statistics. Nothing else changes: not the mode, a
 * pending backward, or the generator.
 *
 * @returns the number of samples
 * @throws TypeError if `data` is of another type
 * @throws RangeError if the model has no batch norm whose statistics may change, if there are no samples,
 *   or if a batch has one value per channel; no statistics have changed then
 */
export function recomputeStatistics(
  model: Module,
  data: StatisticsData,
  ...rest: [options?: StatisticsOptions | undefined]
): number {
  const options = optionsOf('recomputeStatistics', rest, STATISTICS_OPTIONS);
  const { found, samples } = gather('recomputeStatistics', model, data, options);
  for (const [layer, population] of found) {
    overwrite(layer, population.mean, varianceOf(population, layer));
    layer.numBatchesTracked!.value = population.batches;
  }
  return samples;
}

/**
 * Adapts each batch norm's running statistics to another domain, from unlabelled samples of that domain
 * (AdaBN: Li et al., 2016, arXiv:1603.04779). The weights do not change.
 *
 *   running ← (prior·running + n·new)/(prior + n)
 *
 * for the mean and the variance, where n is the number of samples. If there are few samples, set `prior`
 * to the number of samples that the old statistics count for (Schneider et al., 2020, arXiv:2006.16971).
 *
 * ```ts
 * adaptStatistics(model, nightImages);                       // [N, 3, 32, 32], no labels
 * adaptStatistics(model, oneFoggyBatch, { prior: 64 });
 * ```
 *
 * Batches are processed as in `recomputeStatistics`, but `num_batches_tracked` does not change.
 *
 * @returns the number of samples
 * @throws RangeError if `prior` is negative; all other errors are those of `recomputeStatistics`
 */
export function adaptStatistics(
  model: Module,
  data: StatisticsData,
  ...rest: [options?: AdaptOptions | undefined]
): number {
  const options = optionsOf('adaptStatistics', rest, { ...STATISTICS_OPTIONS, prior: 0 });
  const { prior } = options;
  checkNumber('adaptStatistics', 'prior', prior, 0);
  const { found, samples } = gather('adaptStatistics', model, data, options);
  const share = samples / (prior + samples);
  const mix = (now: Float32Array, then: Float64Array): Float64Array =>
    then.map((value, j) => (1 - share) * now[j]! + share * value);
  for (const [layer, population] of found) {
    const mean = mix(layer.runningMean!.data.view(), population.mean);
    overwrite(layer, mean, mix(layer.runningVar!.data.view(), varianceOf(population, layer)));
  }
  return samples;
}

/** The population's variance, as the layer's running variance is defined. */
function varianceOf(population: Population, { runningVariance }: BatchNorm): Float64Array {
  return population.variance(runningVariance === 'unbiased');
}

function overwrite(layer: BatchNorm, mean: Float64Array, variance: Float64Array): void {
  layer.runningMean!.data.view().set(mean);
  layer.runningVar!.data.view().set(variance);
}

/** Runs the data through the model, and collects the statistics of each batch norm's input. */
function gather(
  who: string,
  model: Module,
  data: StatisticsData,
  options: Required<StatisticsOptions>,
): { found: [BatchNorm, Population][]; samples: number } {
  checkInstance(`${who}: model`, model, Module, 'a Module');
  const found: [BatchNorm, Population][] = [];
  for (const [, layer] of model.namedModules()) {
    if (!(layer instanceof BatchNorm) || !layer.runningMean || layer.frozenStatistics) continue;
    found.push([layer, new Population(layer.numFeatures)]);
  }
  if (found.length === 0) {
    throw new RangeError(
      `${who}: expected a batch norm that keeps running statistics and is not frozen, got none in ` +
        `${model}`,
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
    throw new RangeError(
      `${who}: ${idle[0]} expected an input, got none: call it in the model's forward, or remove it`,
    );
  }
  return { found, samples };
}

function* batchesOf(
  who: string,
  data: StatisticsData,
  options: Required<StatisticsOptions>,
): Iterable<Inputs> {
  if (data === null || typeof data !== 'object') {
    throw new TypeError(`${who}: data expected samples or batches, got ${describe(data)}`);
  }
  if (Symbol.iterator in data) {
    for (const batch of data) yield inputsOf(batch) as Inputs;
  } else {
    yield* split(who, inputsOf(data) as Input, options);
  }
}

function inputsOf(given: unknown): unknown {
  return typeof given === 'object' && given && 'inputs' in given ? given.inputs : given;
}

/** Splits samples [N, …] into batches. If the samples are a typed array, the batches are views of it. */
function* split(
  who: string,
  samples: Input,
  { batchSize, dropLast }: Required<StatisticsOptions>,
): Iterable<Input> {
  checkInteger(who, 'batchSize', batchSize);
  const reading = read(who, samples);
  const { shape } = reading;
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
    const data = reading.values.subarray(from * width, to * width);
    yield { data, shape: [to - from, ...extents] };
  }
}
