import { RenormBounds } from '../../generated/kernels.ts';
import { NULL } from '../../memory/memory.ts';
import { withStruct } from '../../memory/struct.ts';
import { extra } from '../../runtime/extra.ts';
import { describe } from '../../tensor/check.ts';
import { optionsOf } from '../../tensor/options.ts';
import { BATCH, type Source } from './source.ts';

/** A bound, or one for each number of batches seen before. */
export type Bound = number | ((steps: number) => number);

export interface RenormOptions {
  /** Bounds r = σ_B/σ: at most this, and at least its inverse. At least 1. */
  rMax?: Bound;
  /** Bounds the size of d = (mean_B − mean)/σ. At least 0. */
  dMax?: Bound;
}

/**
 * Batch renormalization (Ioffe, 2017, arXiv:1702.03275), an option of batch norms. In training the batch's
 * statistics are corrected towards the running ones, within bounds, so that small or unusual batches are
 * normalised almost as in inference:
 *
 *   y = γ·((x − mean_B)/σ_B·r + d) + β
 *   r = clamp(σ_B/σ, 1/rMax, rMax)      d = clamp((mean_B − mean)/σ, −dMax, dMax)
 *
 * with σ = √(variance + eps), of the batch (B) and of the running variance. r and d are constants to the
 * gradient.
 *
 * ```ts
 * new BatchNorm2d(64, { renorm: new Renorm({ rMax: 3, dMax: (steps) => Math.min(5, steps / 1000) }) });
 * ```
 *
 * By default the bounds are the paper's: for 5,000 steps rMax is 1 and dMax is 0; then rMax rises linearly to
 * 3 at step 40,000, and dMax to 5 at step 25,000. Steps are the layer's `num_batches_tracked`.
 *
 * @throws TypeError or RangeError for bounds that are not numbers in their range; in forward also for such
 *   results of a function
 */
export class Renorm {
  readonly rMax: Bound;
  readonly dMax: Bound;

  constructor(...rest: [options?: RenormOptions | undefined]) {
    const { rMax, dMax } = optionsOf('Renorm', rest, { rMax: undefined, dMax: undefined });
    this.rMax = rMax ?? paperRMax;
    this.dMax = dMax ?? paperDMax;
    if (typeof this.rMax !== 'function') boundAt('Renorm', 'rMax', this.rMax, 0, 1);
    if (typeof this.dMax !== 'function') boundAt('Renorm', 'dMax', this.dMax, 0, 0);
  }

  /** @internal Throws if a bound after so many steps is out of range. */
  check(who: string, steps: number): void {
    boundAt(who, 'rMax', this.rMax, steps, 1);
    boundAt(who, 'dMax', this.dMax, steps, 0);
  }

  /**
   * @internal The batch's statistics, corrected. They change a, b and dγ; the rest is the plain layer's.
   */
  readonly source: Source = {
    ...BATCH,

    affine: (layer, { coefficients, statistics, c }) => {
      const { weight, bias, runningMean, runningVar, eps } = layer;
      const steps = layer.numBatchesTracked!.value;
      const bounds = {
        c,
        eps,
        rMax: boundAt('Renorm', 'rMax', this.rMax, steps, 1),
        dMax: boundAt('Renorm', 'dMax', this.dMax, steps, 0),
      };
      const blocks = [coefficients, statistics, runningMean!.ptr, runningVar!.ptr] as const;
      const affine = [weight?.ptr ?? NULL, bias?.ptr ?? NULL] as const;
      withStruct(RenormBounds, bounds, (ptr) => {
        extra().batchNormRenorm(...blocks, ...affine, ptr, 0, c);
      });
    },

    gradients(layer, part, dWeight, dBias) {
      BATCH.gradients(layer, part, NULL, dBias);
      const { statistics, c, scratch } = part;
      if (dWeight) extra().batchNormRenormBackward(dWeight, statistics, c, 0, c, scratch);
    },
  };
}

/** The paper's bounds. */
export const paperRMax: Bound = (steps) => ramp(steps, 5_000, 40_000, 1, 3);
export const paperDMax: Bound = (steps) => ramp(steps, 5_000, 25_000, 0, 5);

/** Rises linearly from `low` at step `from` to `high` at step `to`. */
function ramp(steps: number, from: number, to: number, low: number, high: number): number {
  return low + (high - low) * Math.min(1, Math.max(0, (steps - from) / (to - from)));
}

function boundAt(who: string, name: string, bound: Bound, steps: number, least: number): number {
  const value: unknown = typeof bound === 'function' ? bound(steps) : bound;
  const where = typeof bound === 'function' ? ` of ${steps} steps` : '';
  if (typeof value !== 'number') {
    throw new TypeError(`${who}: ${name}${where} expected a number, got ${describe(value)}`);
  }
  if (!(value >= least && value < Infinity)) {
    throw new RangeError(`${who}: ${name}${where} expected a number ≥ ${least}, got ${value}`);
  }
  return value;
}
