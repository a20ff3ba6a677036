import type { Loss } from '../losses/loss.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { ObserveOptions } from './observe.ts';

export interface WatchOptions {
  /**
   * The names of the layers to watch, or a function that chooses them; '' is the model. Default: all layers
   * that compute something themselves, except those that only change a shape.
   */
  layers?: ObserveOptions['layers'];
  /** Watches one training step of each `every`, beginning with the first. Default 10. */
  every?: number;
  /** Bins of a histogram. Default 30. */
  bins?: number;
  /**
   * About how many values of a tensor percentiles and histograms come from at most: every k-th, spread evenly
   * over samples, units and positions. All other figures are of all values. Default 4,096, where the share of
   * values below the 1st percentile is off by about 0.15 %; Infinity takes all.
   */
  sample?: number;
  /** The longest series that is kept. Default 400. */
  history?: number;
  /** The loss, whose last value is noted, or a function that returns the loss of the step. */
  // biome-ignore lint/suspicious/noExplicitAny: the type of the targets depends on the loss
  loss?: Loss<any> | (() => number);
  /** The optimizer, whose learning rate is noted. */
  optimizer?: Optimizer;
}
