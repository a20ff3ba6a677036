import type { Metrics, PlainMetrics } from './metric.ts';
import type { Evaluation } from './totals.ts';

/** What `fit` yields after each batch. Loss, accuracy and metrics are those of the batch. */
export interface Progress<M extends Metrics = PlainMetrics> extends Evaluation<M> {
  /** The epoch's number, from 1. */
  epoch: number;
  /** The batch's number in the epoch, from 1. */
  step: number;
  /** Batches per epoch; NaN for an iterable whose length is unknown. */
  steps: number;
  /** Whether the optimizer has made a step: false in a group of `accumulate` that is not complete. */
  updated: boolean;
  /** The batch's samples, divided by the time since the consumer asked for this step, without validation. */
  samplesPerSecond: number;
  /** The evaluation on the validation data, after the last step of an epoch. */
  validation?: Evaluation<M>;
}

/** An epoch. Loss, accuracy and metrics are those of its batches, each measured before the step that it led to. */
export interface EpochSummary<M extends Metrics = PlainMetrics> extends Evaluation<M> {
  /** The epoch's number, from 1. */
  epoch: number;
  /** The batches that it had. */
  steps: number;
  /** The evaluation on the validation data, if there is any. */
  validation?: Evaluation<M>;
}

/** What a run of `fit` has led to. */
export interface History<M extends Metrics = PlainMetrics> {
  /** The epochs that are complete. */
  readonly epochs: EpochSummary<M>[];
  /** The epoch whose validation was best in what `monitor` names; undefined without validation data. */
  best: EpochSummary<M> | undefined;
  /** Whether `patience` ended the run. */
  stopped: boolean;
}
