import { NULL, type Pointer } from '../../memory/memory.ts';
import { kernels } from '../../runtime/engine.ts';
import type { Buffer, Counter, Parameter } from '../../tensor/parameter.ts';
import type { Part } from './part.ts';
import type { Passes } from './passes.ts';

/** The properties of a layer that a source reads. */
export interface Owner {
  readonly weight: Parameter | undefined;
  readonly bias: Parameter | undefined;
  readonly runningMean: Buffer | undefined;
  readonly runningVar: Buffer | undefined;
  readonly numBatchesTracked: Counter | undefined;
  readonly eps: number;
  readonly momentum: number | null;
  readonly runningVariance: 'unbiased' | 'biased';
  readonly passes: Passes;
}

/** Which statistics a forward normalises with, and the part of the backward that depends on them. */
export interface Source {
  /** Whether the statistics depend on x, so that dx includes the gradient through them. */
  readonly ofBatch: boolean;
  /** Whether a batch is cut into the layer's ghosts. */
  readonly ofGhosts: boolean;
  /** K, δ and 1/σ of each channel. */
  statistics(layer: Owner, part: Part): void;
  /** a and b of y = (x − K)·a + b. */
  affine(layer: Owner, part: Part): void;
  /** Stores the statistics that are kept after the step. */
  track(layer: Owner, part: Part): void;
  /** Adds to dγ and dβ if they are needed; computes p and q of dx = dy·a + (x − K)·p + q. */
  gradients(layer: Owner, part: Part, dWeight: Pointer, dBias: Pointer): void;
  /** dx. */
  backward(layer: Owner, part: Part): void;
}

/** The batch's own statistics, which the running ones follow. */
export const BATCH: Source = {
  ofBatch: true,
  ofGhosts: true,

  statistics({ passes, eps }, part) {
    passes.statistics(part, eps);
  },

  affine({ weight, bias }, { coefficients, statistics, c }) {
    const [gamma, beta] = [weight?.ptr ?? NULL, bias?.ptr ?? NULL];
    kernels().batchNormAffine(coefficients, statistics, gamma, beta, c, 0, c);
  },

  track(layer, { statistics, m, c }) {
    const { runningMean, runningVar, numBatchesTracked, momentum, runningVariance } = layer;
    if (!numBatchesTracked) return;
    const batches = ++numBatchesTracked.value;
    kernels().batchNormUpdateRunning(
      runningMean!.ptr,
      runningVar!.ptr,
      statistics,
      c,
      runningVariance === 'unbiased' ? m / (m - 1) : 1,
      momentum ?? 1 / batches,
      0,
      c,
    );
  },

  gradients(_, { coefficients, statistics, c, m, scratch }, dWeight, dBias) {
    const block = [coefficients, statistics] as const;
    kernels().batchNormAffineBackward(dWeight, dBias, ...block, c, m, 0, c, scratch);
  },

  backward({ passes }, part) {
    passes.backward(part);
  },
};

/** The running statistics, in evaluation or if they are frozen: constants to the gradient. */
export const RUNNING: Source = {
  ...BATCH,
  ofBatch: false,
  ofGhosts: false,

  statistics({ runningMean, runningVar, eps }, { statistics, c }) {
    kernels().batchNormRunning(statistics, runningMean!.ptr, runningVar!.ptr, c, eps, 0, c);
  },

  track() {},

  backward({ passes }, part) {
    passes.frozenBackward(part);
  },
};
