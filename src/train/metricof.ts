/** Metrics that count and add, so that those of several batches are exactly those of all their samples. */
import { isPlain, unexpected } from '../tensor/check.ts';
import { numbersOf } from '../tensor/numbers.ts';
import { checkCount, checkFunction } from '../tensor/options.ts';
import { type Input, Tensor } from '../tensor/tensor.ts';
import type { Metric } from './metric.ts';

/** A metric that counts and adds. */
export interface TalliedMetric<V = number> extends Metric<V> {
  readonly tally: NonNullable<Metric<V>['tally']>;
  readonly result: NonNullable<Metric<V>['result']>;
}

/** How such a metric is computed. */
export interface Tallying<V> {
  /** What a batch adds: numbers, always as many, that are added up over batches. */
  // biome-ignore lint/suspicious/noExplicitAny: the type of the targets depends on the loss
  tally(prediction: Tensor, targets: any): readonly number[];
  /** The metric of such sums. */
  result(tally: readonly number[]): V;
}

/**
 * A metric of your own whose value over several batches is that of all samples together. A metric that is a mean
 * over samples may be a function `(prediction, targets) => number` instead.
 *
 * ```ts
 * const rmse = metricOf({
 *   tally: (prediction, { data }) => {
 *     const errors = prediction.toArray().map((y, i) => (y - data[i]) ** 2);
 *     return [errors.reduce((a, b) => a + b), errors.length];
 *   },
 *   result: ([sum, count]) => Math.sqrt(sum / count),
 * });
 * evaluate(model, test, loss, { metrics: { rmse } }).metrics.rmse;
 * ```
 *
 * @throws TypeError unless both are functions
 */
export function metricOf<V = number>(how: Tallying<V>, ...rest: []): TalliedMetric<V> {
  checkCount('metricOf', rest);
  if (!isPlain(how)) throw unexpected('metricOf:', '{ tally, result }', how);
  const { tally, result } = how;
  checkFunction('metricOf: tally', tally);
  checkFunction('metricOf: result', result);
  const metric = (prediction: Tensor, targets: unknown) => result(tally(prediction, targets));
  return Object.assign(metric, { tally, result });
}

/** A metric with options, which are given in a call or beforehand. */
export interface MetricWithOptions<O extends object, V = number> extends TalliedMetric<V> {
  /**
   * @param prediction what the model predicts for a batch
   * @param targets its targets
   */
  (prediction: Input, targets: TargetNumbers, options?: O | undefined): V;
  /** The metric with these options, for `fit` and `evaluate`. */
  with(options: O): TalliedMetric<V>;
}

/** Targets as losses take them: an array, a Tensor, or an array with a shape. */
export type TargetNumbers = ArrayLike<number> | Input;

/** Makes a metric of a function that reads the options and says how it is computed with them. */
export function withOptions<O extends object, V>(
  how: (rest: [options?: O | undefined]) => Tallying<V>,
): MetricWithOptions<O, V> {
  const metric = (prediction: Input, targets: TargetNumbers, ...rest: [O?]) => {
    const { tally, result } = how(rest);
    return result(tally(prediction as Tensor, targets));
  };
  return Object.assign(metric, {
    ...how([]),
    with: (...rest: [options: O]) => metricOf(how(rest)),
  });
}

/**
 * The numbers of targets.
 *
 * @throws RangeError unless there are `count`
 */
export function targetsOf(who: string, targets: TargetNumbers, count: number): ArrayLike<number> {
  const given = targets as Partial<Record<'data', ArrayLike<number>>>;
  const flat = targets instanceof Tensor ? targets.view() : (given?.data ?? targets);
  const numbers = numbersOf(`${who}: targets`, flat as ArrayLike<number>);
  if (numbers.length === count) return numbers;
  throw new RangeError(`${who}: expected ${count} targets, got ${numbers.length}`);
}
