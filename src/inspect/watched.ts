import type { Value } from '../graph/node.ts';
import { Softmax } from '../layers/activation/softmax.ts';
import { BatchNorm } from '../layers/batchnorm/base.ts';
import { LayerNorm } from '../layers/norm/layernorm.ts';
import { Normalization } from '../layers/norm/normalization.ts';
import type { Buffer, Parameter } from '../tensor/parameter.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { arrayOf, type Gauge, type Units } from './gauge.ts';
import type { WatchedBatchNorm, WatchedInput, WatchedStep } from './report.ts';

export function emptyStep(step: number, batchSize: number, lr: number): WatchedStep {
  const output = { sums: [NaN, NaN] as [number, number], min: NaN, softmax: false };
  return { step, batchSize, loss: NaN, lr, inputs: [], layers: [], output };
}

export function inputRecord(gauge: Gauge, value: Value, units: Units): WatchedInput {
  const { slot, shape } = value;
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (let unit = 0; unit < units.count; unit++) {
    const sd = Math.sqrt(units.variance(unit));
    if (!(sd > 0)) continue;
    least = Math.min(least, sd);
    most = Math.max(most, sd);
  }
  const distribution = gauge.distribution(slot.ptr, shape, units);
  const { min, max } = distribution;
  return {
    shape: [...shape],
    ...distribution,
    featureSds: most > 0 ? [least, most] : [NaN, NaN],
    bytes: min >= 0 && max > 1 && max <= 255 && slot.f32.every((x) => x === Math.floor(x)),
    normalized: isNormalized(value),
  };
}

/** What is known of the model's output without the loss. */
export function outputRecord(
  gauge: Gauge,
  { slot, shape, producer }: Value,
): WatchedStep['output'] {
  const softmax = producer!.leaf instanceof Softmax;
  if (shape.length !== 2) return { sums: [NaN, NaN], min: NaN, softmax };
  const [n, classes] = shape as [number, number];
  const samples = gauge.units(slot.ptr, shape, 0);
  const sums: [number, number] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let min = Number.POSITIVE_INFINITY;
  for (let i = 0; i < n; i++) {
    const sum = samples.finite(i) === classes ? samples.mean(i) * classes : NaN;
    sums[0] = Math.min(sums[0], sum);
    sums[1] = Math.max(sums[1], sum);
    min = Math.min(min, samples.min(i));
  }
  return { sums, min, softmax };
}

/** Compares the statistics of a batch norm's input with its running statistics. */
export function batchNormRecord(layer: BatchNorm, shape: Shape, units: Units): WatchedBatchNorm {
  const { numFeatures: c, eps, weight, bias, runningMean, runningVar } = layer;
  const numbers = (of: Parameter | Buffer | undefined): number[] => {
    if (!of) return [];
    const values = of.data.view();
    return arrayOf(values.length, (i) => values[i]!);
  };
  const gamma = numbers(weight);
  const means = numbers(runningMean);
  const variances = numbers(runningVar);
  const batchMean = arrayOf(c, (j) => units.mean(j));
  const batchVariance = arrayOf(c, (j) => units.variance(j));
  const samples = Math.min(shape[0]!, layer.virtualBatchSize ?? shape[0]!);
  let [meanSquares, sdSquares, apart, all] = [0, 0, 0, 0];
  for (let j = 0; j < c; j++) {
    const sd = Math.sqrt(variances[j]! + eps);
    const batchSd = Math.sqrt(batchVariance[j]! + eps);
    const shift = (batchMean[j]! - means[j]!) / sd;
    const ratio = batchSd / sd - 1;
    meanSquares += shift * shift;
    sdSquares += ratio * ratio;
    // With x = mean + s: y_train = a·s + β and y_eval = a'·(s + mean − running mean) + β.
    const g = gamma[j] ?? 1;
    const share = batchVariance[j]! / (batchSd * batchSd);
    apart += g * g * (shift * shift + ratio * ratio * share);
    all += g * g * share;
  }
  const frozen = layer.frozenStatistics;
  return {
    ...{ gamma, beta: numbers(bias), batchMean, batchVariance },
    ...{ runningMean: means, runningVariance: variances },
    ...{ values: (sizeOf(shape) / shape[0]! / c) * samples, samples },
    meanDistance: Math.sqrt(meanSquares / c),
    sdDistance: Math.sqrt(sdSquares / c),
    gap: frozen ? 0 : Math.sqrt(apart / all),
    frozen,
  };
}

/** Whether only layers that normalize read a tensor, in whatever shape. */
function isNormalized({ consumers }: Value): boolean {
  if (consumers.length === 0) return false;
  return consumers.every(({ leaf, sharing, output }) => {
    if (sharing === 'view') return isNormalized(output);
    return leaf instanceof BatchNorm || leaf instanceof Normalization || leaf instanceof LayerNorm;
  });
}
