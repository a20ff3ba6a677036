import { checkEps, checkInteger, checkNumber, describe } from '../../tensor/check.ts';
import { optionOf, optionsOf } from '../../tensor/options.ts';
import type { VirtualBatchRest } from './ghosts.ts';
import type { Renorm } from './renorm.ts';

export interface BatchNormOptions {
  /** Added to the variance under the root. Default 1e-5. */
  eps?: number;
  /**
   * Weight of the new value in the running statistics, from 0 to 1. Default 0.1. `null` gives all batches
   * the same weight.
   */
  momentum?: number | null;
  /** Weight of the old value instead: 1 − momentum. */
  decay?: number;
  /** Whether γ (`weight`) and β (`bias`) are learnt. Default true. */
  affine?: boolean;
  /** Whether β is learnt. Default `affine`. */
  center?: boolean;
  /** Whether γ is learnt. Default `affine`. */
  scale?: boolean;
  /** Whether running statistics are kept. Default true; without, evaluation uses the batch's too. */
  trackRunningStats?: boolean;
  /**
   * Which variance the running variance averages: 'unbiased', Σ(x − mean)²/(m − 1), as in PyTorch, or
   * 'biased', the same over m, as in Keras and ONNX. Default 'unbiased'. A training batch is always
   * normalised with the biased one.
   */
  runningVariance?: 'unbiased' | 'biased';
  /** Whether channels are the last axis rather than axis 1. Default false. */
  channelsLast?: boolean;
  /**
   * Samples of a ghost. In training a batch is cut into ghosts of this size, and each is normalised by its
   * own statistics (Hoffer et al., 2017, arXiv:1705.08741), which update the running ones in turn. At least
   * 2. By default the batch is not cut.
   */
  virtualBatchSize?: number;
  /**
   * What happens if a batch's last samples do not fill a ghost: 'refuse' throws, 'alone' makes them a
   * smaller ghost, 'join' adds them to the last full one. Default 'refuse'.
   */
  virtualBatchRest?: VirtualBatchRest;
  /** Batch renormalization, `new Renorm({ rMax, dMax })`. By default there is none. */
  renorm?: Renorm;
}

/** @throws TypeError or RangeError for options that the layer `who` cannot have */
export function checkedOptions(who: string, given: readonly (BatchNormOptions | undefined)[]) {
  const options = optionsOf(who, given, {
    eps: 1e-5,
    momentum: undefined,
    decay: undefined,
    affine: true,
    center: undefined,
    scale: undefined,
    trackRunningStats: true,
    runningVariance: ['unbiased', 'biased'],
    channelsLast: false,
    virtualBatchSize: undefined,
    virtualBatchRest: ['refuse', 'alone', 'join'],
    renorm: undefined,
  });
  const { eps, momentum, decay, affine, trackRunningStats, renorm, virtualBatchSize } = options;
  const center = optionOf(who, 'center', options.center, affine);
  const scale = optionOf(who, 'scale', options.scale, affine);
  checkEps(who, eps);
  if (momentum !== undefined && decay !== undefined) {
    throw new TypeError(
      `${who}: expected momentum or decay, got both: momentum is the weight of the new value, ` +
        'decay that of the old, 1 − momentum',
    );
  }
  if (renorm !== undefined && !(typeof renorm?.source === 'object' && trackRunningStats)) {
    throw new TypeError(
      `${who}: renorm expected new Renorm({ rMax, dMax }), and trackRunningStats, got ` +
        (trackRunningStats ? describe(renorm) : 'no running statistics'),
    );
  }
  if (virtualBatchSize !== undefined) checkInteger(who, 'virtualBatchSize', virtualBatchSize, 2);
  if (decay !== undefined) checkNumber(who, 'decay', decay, 0, 1);
  return { ...options, center, scale };
}
