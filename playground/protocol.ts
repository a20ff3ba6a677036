/** What the page and a Worker say to each other. */
import type { Settings } from './settings.ts';

export type Which = 'a' | 'b';

/** Starts a run: the data of evenkeel/worker's `train`. */
export interface Start {
  readonly settings: Settings;
  readonly which: Which;
  /** The address of the folder with the images. */
  readonly folder: string;
  /** Commands come, and answers go, through this port. */
  readonly port: MessagePort;
}

/** From the page to the Worker, while it trains. */
export type Command =
  /** The Worker may train up to this step. */
  | { readonly kind: 'until'; readonly step: number }
  /** Classify an image, [784] from 0 to 1. */
  | { readonly kind: 'classify'; readonly pixels: Float32Array }
  /** Show a test image. */
  | { readonly kind: 'sample'; readonly index: number }
  /** Measure the loss around the present weights. */
  | { readonly kind: 'canyon' };

/** From the Worker, in answer. */
export type Answer =
  | { readonly kind: 'classify'; readonly probabilities: Float32Array; readonly step: number }
  | { readonly kind: 'sample'; readonly pixels: Float32Array; readonly label: number }
  | ({ readonly kind: 'canyon' } & Canyon);

/** What a Worker reports while it trains. */
export interface Report {
  /** Steps so far. */
  readonly step: number;
  /** Training steps since the last report: mean loss and accuracy of their batches. */
  readonly train: { readonly loss: number; readonly accuracy: number };
  readonly imagesPerSecond: number;
  /** On the test samples. */
  readonly test: { readonly loss: number; readonly accuracy: number };
  /** The hidden layers, from the input to the output. */
  readonly layers: readonly LayerReport[];
  /** What evenkeel/inspect says is wrong, the worst first. */
  readonly ailments: readonly string[];
  /** The probability of each class in each cell of the plane, for data with two features. */
  readonly plane?: Plane;
  /** Whether a number of the network is no longer finite. */
  readonly failed: boolean;
}

export interface LayerReport {
  /** What goes into the activation, and what comes out. */
  readonly before: Distribution;
  readonly after: Distribution;
  /** The share of values at the flat ends of a sigmoid or tanh, or of units that a ReLU keeps at 0. */
  readonly stuck: number;
  /** L2 norms of the linear layer's weight and of the loss's gradient with respect to it. */
  readonly weightNorm: number;
  readonly gradientNorm: number;
  readonly affine?: { readonly gamma: Float32Array; readonly beta: Float32Array };
  readonly statistics?: Statistics;
}

/** Values of the batch, and the running ones, for each channel. */
export interface Statistics {
  readonly batchMean: Float32Array;
  readonly batchSd: Float32Array;
  readonly runningMean: Float32Array;
  readonly runningSd: Float32Array;
}

export interface Distribution {
  /** In the order of PERCENTILES. */
  readonly percentiles: readonly number[];
  readonly mean: number;
  readonly sd: number;
  readonly histogram: {
    readonly low: number;
    readonly high: number;
    readonly counts: Float32Array;
  };
}

export const PERCENTILES = [1, 5, 25, 50, 75, 95, 99] as const;

export interface Plane {
  /** Cells on a side. */
  readonly cells: number;
  /** The class of each cell, row by row from the top. */
  readonly classes: Uint8Array;
  /** How sure the network is, from 0 to 1. */
  readonly certainty: Float32Array;
}

/** The loss of one batch around the present weights. */
export interface Canyon {
  readonly step: number;
  /** The loss on a square, row by row: columns go along the gradient, rows across it. */
  readonly cells: number;
  readonly losses: Float32Array;
  /** How far the square reaches to each side, as a share of the weights' norm. */
  readonly reach: number;
  /** Where a step of plain gradient descent would lead, in cells from the centre. */
  readonly stepLength: number;
}
