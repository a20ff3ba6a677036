import { kernels } from '../../runtime/engine.ts';
import type { Part } from './part.ts';

/** The passes over the elements of a part. */
export interface Passes {
  /** K, δ, the variance and 1/σ of each channel. */
  statistics(part: Part, eps: number): void;
  /** y = (x − K)·a + b. */
  forward(part: Part): void;
  /** Σ dy and Σ dy·(x − K) of each channel, into scratch. */
  sums(part: Part): void;
  /** dx = dy·a + (x − K)·p + q. */
  backward(part: Part): void;
  /** dx = dy·a, if the statistics were constants. */
  frozenBackward(part: Part): void;
}

/** The passes of the plain layer: all positions count. */
export const PASSES: Passes = {
  statistics({ statistics, x, shape, c, scratch }, eps) {
    kernels().batchNormStatistics(statistics, x, shape, eps, 0, c, scratch);
  },

  forward({ y, coefficients, x, shape, relu, n, scratch }) {
    kernels().batchNormForward(y, coefficients, x, shape, relu, 0, n, scratch);
  },

  sums({ coefficients, dy, x, shape, relu, c, scratch }) {
    kernels().batchNormBackwardSums(coefficients, dy, x, shape, relu, 0, c, scratch);
  },

  backward({ dx, coefficients, dy, x, shape, relu, n, scratch }) {
    kernels().batchNormBackward(dx, coefficients, dy, x, shape, relu, 0, n, scratch);
  },

  frozenBackward({ dx, coefficients, dy, x, shape, relu, n, scratch }) {
    kernels().batchNormFrozenBackward(dx, coefficients, dy, x, shape, relu, 0, n, scratch);
  },
};
