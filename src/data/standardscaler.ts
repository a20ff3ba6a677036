import { optionsOf } from '../tensor/options.ts';
import type { Layout } from './features.ts';
import {
  type Affine,
  SCALER_OPTIONS,
  Scaler,
  type ScalerOptions,
  type Statistics,
} from './scaler.ts';

export interface StandardScalerOptions extends ScalerOptions {
  /** Whether to subtract the mean. Default true. */
  withMean?: boolean;
  /** Whether to divide by the standard deviation. Default true. */
  withStd?: boolean;
}

type Known = Statistics<'mean' | 'std'>;

/**
 * Scales each feature to mean 0 and standard deviation 1:
 *
 *   y = (x − mean)/√variance,   variance = Σ(x − mean)²/n
 *
 * ```ts
 * const scaler = new StandardScaler().fit(table);      // [N, F]
 * const x = scaler.transform(table);
 * ```
 *
 * For a stream, `partialFit(batch)` merges the batches' means and sums of squares (Chan, Golub and LeVeque,
 * "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979). This is accurate even
 * if the mean is 1e8 standard deviations from zero. A constant feature becomes 0: its standard deviation
 * counts as 1. A feature is constant if it does not vary by more than float64 rounding. This is
 * scikit-learn's `StandardScaler`.
 *
 * The state has `mean`, `std` and `count`.
 *
 * @throws RangeError if `axis` is 0 or not a whole number
 * @throws TypeError if `nan` is not `'ignore'` or `'refuse'`
 */
export class StandardScaler extends Scaler<'mean' | 'std'> {
  readonly withMean: boolean;
  readonly withStd: boolean;
  protected readonly names = ['mean', 'std'] as const;

  constructor(...rest: [options?: StandardScalerOptions | undefined]) {
    const table = { ...SCALER_OPTIONS, withMean: true, withStd: true };
    const options = optionsOf('StandardScaler', rest, table);
    super(options);
    this.withMean = options.withMean;
    this.withStd = options.withStd;
  }

  /**
   * The mean of each feature; NaN for a feature without values.
   *
   * @throws Error if the scaler has no statistics yet
   */
  get mean(): Float64Array {
    return this.statistics('mean').mean.slice();
  }

  /** The variance of each feature, divided by n. */
  get variance(): Float64Array {
    return this.statistics('variance').std.map((sd) => sd * sd);
  }

  /** The divisor of each feature: its standard deviation, or 1 if the feature is constant. */
  get scale(): Float64Array {
    const { mean, std, count } = this.statistics('scale');
    return std.map((sd, f) => (isConstant(mean[f]!, sd, count[f]!) ? 1 : sd));
  }

  protected measure(data: ArrayLike<number>, { outer, features, inner }: Layout): Known {
    const count = new Float64Array(features);
    const mean = new Float64Array(features);
    for (let at = 0, o = 0; o < outer; o++) {
      for (let f = 0; f < features; f++) {
        for (const end = at + inner; at < end; at++) {
          const x = data[at]!;
          if (Number.isNaN(x)) continue;
          count[f]!++;
          mean[f]! += x;
        }
      }
    }
    for (let f = 0; f < features; f++) mean[f]! /= count[f]!;
    // Σ(x − mean) would be 0 without rounding. Its value corrects the mean and the variance.
    const rest = new Float64Array(features);
    const squares = new Float64Array(features);
    for (let at = 0, o = 0; o < outer; o++) {
      for (let f = 0; f < features; f++) {
        for (const end = at + inner; at < end; at++) {
          const d = data[at]! - mean[f]!;
          if (Number.isNaN(d)) continue;
          rest[f]! += d;
          squares[f]! += d * d;
        }
      }
    }
    const std = squares.map((sum, f) => {
      const delta = rest[f]! / count[f]!;
      mean[f]! += delta;
      return Math.sqrt(Math.max(sum / count[f]! - delta * delta, 0));
    });
    return { mean, std, count };
  }

  protected merge(a: Known, b: Known): Known {
    const count = a.count.map((n, f) => n + b.count[f]!);
    const mean = a.mean.slice();
    const std = a.std.map((sd, f) => {
      const share = b.count[f]! / count[f]!;
      if (b.count[f] === 0) return sd;
      if (a.count[f] === 0) {
        mean[f] = b.mean[f]!;
        return b.std[f]!;
      }
      const delta = b.mean[f]! - mean[f]!;
      mean[f]! += delta * share;
      const within = sd * sd + (b.std[f]! * b.std[f]! - sd * sd) * share;
      return Math.sqrt(within + delta * delta * share * (1 - share));
    });
    return { mean, std, count };
  }

  protected derive({ mean, std }: Known): Affine {
    const { scale } = this;
    const { length } = std;
    return {
      shift: this.withMean ? mean : new Float64Array(length),
      factor: this.withStd ? scale.map((sd) => 1 / sd) : new Float64Array(length).fill(1),
      offset: new Float64Array(length),
    };
  }

  protected check(who: string, { std }: Known): void {
    const invalid = std.findIndex((sd) => sd < 0);
    if (invalid >= 0) {
      throw new RangeError(
        `${who}: std expected numbers ≥ 0, got ${std[invalid]} for feature ${invalid}`,
      );
    }
  }
}

/**
 * Whether a variance may come only from rounding n equal numbers. The bound is scikit-learn's:
 * n·ε·variance + (n·mean·ε)².
 */
function isConstant(mean: number, sd: number, n: number): boolean {
  const rounding = n * mean * Number.EPSILON;
  return sd * sd <= n * Number.EPSILON * sd * sd + rounding * rounding;
}
