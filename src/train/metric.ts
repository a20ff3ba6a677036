import type { Tensor } from '../tensor/tensor.ts';

/**
 * Computes a number from the prediction and targets of a batch. Over several batches it is averaged, weighted by
 * their samples, unless the metric has a `tally`.
 *
 * Such a metric (those of this package, and what `metricOf` makes) counts and adds: over several batches it is
 * exactly that of all samples together, which the mean of the batches' F1 scores, for example, is not.
 */
export interface Metric<V = number> {
  // biome-ignore lint/suspicious/noExplicitAny: the type of the targets depends on the loss
  (prediction: Tensor, targets: any): V;
  /** What a batch adds: numbers, always as many, that are added up over batches. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly tally?: ((prediction: Tensor, targets: any) => readonly number[]) | undefined;
  /** The metric of such sums. */
  readonly result?: ((tally: readonly number[]) => V) | undefined;
}

/** Metrics by name. */
// biome-ignore lint/suspicious/noExplicitAny: a metric may give a number, numbers, or a table of them
export type Metrics = Readonly<Record<string, Metric<any>>>;

/** Metrics that are numbers, by name. */
export type PlainMetrics = Readonly<Record<string, Metric>>;

/** What a metric gives. */
export type ValueOf<F> = F extends { readonly result: (tally: never) => infer V }
  ? V
  : F extends (...args: never[]) => infer V
    ? V
    : never;

/** What metrics give, by name. */
export type ValuesOf<M extends Metrics> = { -readonly [K in keyof M]: ValueOf<M[K]> };
