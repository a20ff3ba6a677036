/** Loss, accuracy and metrics of a batch, and their sums over batches. */
import type { Loss } from '../losses/loss.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Metrics, PlainMetrics, ValuesOf } from './metric.ts';
import { hits } from './metrics.ts';

// biome-ignore lint/suspicious/noExplicitAny: the types of a loss's prediction and target are its own
export type AnyLoss = Loss<any>;

/** The results of an evaluation. */
export interface Evaluation<M extends Metrics = PlainMetrics> {
  /** Mean loss over samples, weighted as the loss weights them; NaN if no loss was given. */
  loss: number;
  /**
   * Fraction of samples whose class is predicted correctly, without those that the loss ignores; NaN if the
   * targets are not classes.
   */
  accuracy: number;
  /** Further metrics by name. */
  metrics: ValuesOf<M>;
}

/** Sums over batches, in plain numbers, which a checkpoint stores. */
export interface Sums {
  samples: number;
  loss: number;
  /** The weight of the loss: samples, or what the loss counts instead. */
  weight: number;
  right: number;
  counted: number;
  /** One for each metric. */
  tallies: number[][];
}

/** The sums over the batches so far. */
export class Totals {
  sums: Sums = { samples: 0, loss: 0, weight: 0, right: 0, counted: 0, tallies: [] };

  constructor(private readonly metrics: Metrics) {}

  /**
   * Adds a batch, and measures it.
   *
   * @param value the loss of the batch; NaN without one
   */
  add(
    prediction: Tensor,
    targets: unknown,
    samples: number,
    value: number,
    loss: AnyLoss | undefined,
  ): Evaluation<Metrics> {
    const { sums } = this;
    const weight = loss ? loss.batchWeight : samples;
    // A batch that the loss ignores as a whole has no mean, and no weight.
    if (weight > 0) sums.loss += loss?.reduction === 'sum' ? value : value * weight;
    sums.weight += weight;
    sums.samples += samples;
    const { right, counted } = hitsOf(prediction, targets, loss);
    sums.right += right;
    sums.counted += counted;
    const values = Object.entries(this.metrics).map(([name, metric], i) => {
      const tally = metric.tally?.(prediction, targets);
      const measured = tally ? metric.result!(tally) : metric(prediction, targets);
      const added = tally ?? [measured * samples, samples];
      const before = sums.tallies[i];
      sums.tallies[i] = added.map((term, k) => term + (before?.[k] ?? 0));
      return [name, measured];
    });
    return { loss: value, accuracy: right / counted, metrics: Object.fromEntries(values) };
  }

  /** Of all batches so far. */
  get result(): Evaluation<Metrics> {
    const { loss, weight, right, counted, tallies } = this.sums;
    const values = Object.entries(this.metrics).map(([name, { result }], i) => {
      const tally = tallies[i]!;
      return [name, result ? result(tally) : tally[0]! / tally[1]!];
    });
    return { loss: loss / weight, accuracy: right / counted, metrics: Object.fromEntries(values) };
  }
}

/** How many classes are right, of how many that count; NaN if the targets are not classes, one a prediction. */
function hitsOf(prediction: Tensor, targets: unknown, loss: AnyLoss | undefined) {
  const classes = prediction instanceof Tensor ? (prediction.shape[1] ?? 0) : 0;
  const labels = (targets instanceof Tensor ? targets.view() : targets) as ArrayLike<number>;
  if (classes < 2 || labels.length !== prediction.size / classes) {
    return { right: Number.NaN, counted: Number.NaN };
  }
  return hits(prediction, labels, (loss as { ignoreIndex?: number } | undefined)?.ignoreIndex);
}
