import type { Shape } from '../tensor/shape.ts';

/** The percentiles that `watch` reports, in order. */
export const PERCENTILES: readonly number[] = [1, 5, 25, 50, 75, 95, 99];

/** Counts of values in bins of equal width from `from` to `to`; `below` and `above` are beyond. */
export interface Histogram {
  from: number;
  to: number;
  counts: number[];
  below: number;
  above: number;
}

/** How the values of a tensor are distributed. Figures are those of the finite values; NaN if there are none. */
export interface Distribution {
  /** The number of values, and how many of them are NaN or infinite. */
  size: number;
  notFinite: number;
  mean: number;
  /** The standard deviation, √(Σ(x − mean)²/n). */
  sd: number;
  min: number;
  max: number;
  /** The percentiles of `PERCENTILES`: 1, 5, 25, 50, 75, 95 and 99. */
  percentiles: number[];
  histogram: Histogram;
  /** The number of values that percentiles and histogram come from: all, or an even sample. */
  sampled: number;
}

/** A parameter, its gradient and its update in one step. The norms are Euclidean. */
export interface WatchedParameter {
  /** The name in the state dict. */
  name: string;
  size: number;
  norm: number;
  /** NaN if the step had no backward; 0 if the parameter is frozen. */
  gradientNorm: number;
  /** The norm of the weights' change by the optimizer's step; NaN before it has run. */
  updateNorm: number;
}

/** What a batch norm has to do with, a number a channel, and how batch and running statistics differ. */
export interface WatchedBatchNorm {
  /** Empty for a layer without γ or β. */
  gamma: number[];
  beta: number[];
  batchMean: number[];
  /** Biased, as training normalizes with it. */
  batchVariance: number[];
  /** Before the step updates them; empty for a layer that does not track them. */
  runningMean: number[];
  runningVariance: number[];
  /** Values a channel that a statistic comes from: of the batch, or of a ghost. */
  values: number;
  /** Samples that a statistic comes from. */
  samples: number;
  /** √ of the mean over channels of ((batch mean − running mean)/running sd)²; NaN without statistics. */
  meanDistance: number;
  /** √ of the mean over channels of (batch sd/running sd − 1)². */
  sdDistance: number;
  /**
   * The gap between training and evaluation: how far this batch's output in training mode is from what the
   * running statistics would give, √(Σ(y_train − y_eval)²/Σ(y_train − β)²). 0 if the two agree.
   */
  gap: number;
  /** Whether it normalizes with the running statistics in training, too. */
  frozen: boolean;
}

/** One output of a layer in one step. */
export interface WatchedLayer {
  /** The dotted name; the second output of a layer that runs twice is 'name#2'. */
  name: string;
  /** The layer's class. */
  kind: string;
  shape: Shape;
  output: Distribution;
  /** The largest activation of each unit (feature or channel) over the batch. */
  largest: number[];
  /** The percentiles of `largest`. */
  largestPercentiles: number[];
  /**
   * For ReLU and its family: the share of units that no value of the batch made positive, so that they were
   * off everywhere; and the share of all values that are not positive.
   */
  dead?: number;
  inactive?: number;
  /**
   * For Sigmoid and Tanh: the share of values where the slope is less than a tenth of the steepest
   * (|tanh| > 0.949, sigmoid < 0.0257 or > 0.9743), and the share of units that are there, on the same side,
   * for the whole batch.
   */
  saturated?: number;
  stuck?: number;
  /** The gradient of the loss with respect to the output, if it was computed. */
  gradient?: { norm: number /** norm/√size. */; rms: number };
  /** The layer's own parameters; empty for its second output in a step. */
  parameters: WatchedParameter[];
  /** Whether it computes weighted sums, as Linear and convolutions do. */
  weighted: boolean;
  batchNorm?: WatchedBatchNorm;
}

/** An input of the model in one step. */
export interface WatchedInput extends Distribution {
  shape: Shape;
  /** The least and the largest standard deviation of a feature (or channel), of those that vary. */
  featureSds: [number, number];
  /** Whether all values are whole numbers from 0 to 255, and some exceed 1. */
  bytes: boolean;
  /** Whether layers that normalize are all that reads it, so that its scale does not matter. */
  normalized: boolean;
}

/** What was seen in one step. */
export interface WatchedStep {
  /** The number of this training step since the watch began, from 1. */
  step: number;
  /** The extent of the first input's first axis. */
  batchSize: number;
  /** NaN unless the watch was given the loss, or before the step's backward. */
  loss: number;
  /** The learning rate; NaN unless the watch was given the optimizer. */
  lr: number;
  /** Inputs of floating-point numbers. */
  inputs: WatchedInput[];
  layers: WatchedLayer[];
  /** The model's output: the least and largest sum over axis 1, and the least value. */
  output: { sums: [number, number]; min: number; softmax: boolean };
}

/** Figures of a layer over the steps, NaN where there is none. */
export interface LayerSeries {
  mean: number[];
  sd: number[];
  /** A series a percentile, in the order of `PERCENTILES`. */
  percentiles: number[][];
  /** A series a percentile of the units' largest activations. */
  largest: number[][];
  dead: number[];
  saturated: number[];
  /** The rms of the gradient with respect to the output. */
  gradientRms: number[];
  /** Norms over all parameters of the layer together. */
  weightNorm: number[];
  gradientNorm: number[];
  updateNorm: number[];
  meanDistance: number[];
  sdDistance: number[];
  gap: number[];
}

/** Figures over the steps. All series are as long as `steps`. */
export interface WatchHistory {
  steps: number[];
  loss: number[];
  lr: number[];
  batchSize: number[];
  /** By the layer's name. */
  layers: Record<string, LayerSeries>;
}

/** What a watch has seen: plain data, which can be posted to another thread and stored. */
export interface WatchReport {
  model: string;
  /** The training steps since the watch began, and how many of them were watched. */
  steps: number;
  watched: number;
  every: number;
  /** The class of the loss; '' if the watch was not given one. */
  loss: string;
  percentiles: number[];
  /** The first and the last watched step in full. */
  first: WatchedStep | null;
  last: WatchedStep | null;
  history: WatchHistory;
}
