import { optionsOf } from '../tensor/options.ts';
import type { Layout } from './features.ts';
import {
  type Affine,
  SCALER_OPTIONS,
  Scaler,
  type ScalerOptions,
  type Statistics,
} from './scaler.ts';

export interface MinMaxScalerOptions extends ScalerOptions {
  /** The values that each feature's minimum and maximum are mapped to. Default [0, 1]. */
  range?: readonly [low: number, high: number];
  /** Whether `transform` clips its results to the range. Default false. */
  clip?: boolean;
}

type Known = Statistics<'data_min' | 'data_max'>;

/**
 * Scales each feature to a range:
 *
 *   y = (x − min)/(max − min)·(high − low) + low
 *
 * ```ts
 * const scaler = new MinMaxScaler({ range: [-1, 1] }).fit(table);      // [N, F]
 * ```
 *
 * A constant feature becomes `low`: its max − min counts as 1. This is scikit-learn's `MinMaxScaler`,
 * except that here a feature is constant only if max = min exactly, so that features in small units are
 * scaled too.
 *
 * The state has `data_min`, `data_max` and `count`.
 *
 * @throws RangeError if the range's low is not below its high, or if `axis` is 0 or not a whole number
 * @throws TypeError if `range` is not a pair, or `nan` is not `'ignore'` or `'refuse'`
 */
export class MinMaxScaler extends Scaler<'data_min' | 'data_max'> {
  readonly clip: boolean;
  protected readonly names = ['data_min', 'data_max'] as const;
  private readonly low: number;
  private readonly high: number;

  constructor(...rest: [options?: MinMaxScalerOptions | undefined]) {
    const table = { ...SCALER_OPTIONS, range: [0, 1], clip: false } as const;
    const options = optionsOf('MinMaxScaler', rest, table);
    super(options);
    const { range, clip } = options;
    [this.low, this.high] = range as [number, number];
    if (!(this.low < this.high)) {
      throw new RangeError(
        `MinMaxScaler: range expected low < high, got [${this.low}, ${this.high}]`,
      );
    }
    this.clip = clip;
  }

  /**
   * The minimum of each feature; NaN for a feature without values.
   *
   * @throws Error if the scaler has no statistics yet
   */
  get dataMin(): Float64Array {
    return this.statistics('dataMin').data_min.slice();
  }

  /** The maximum of each feature; NaN for a feature without values. */
  get dataMax(): Float64Array {
    return this.statistics('dataMax').data_max.slice();
  }

  /** The factor for each feature: (high − low)/(max − min). */
  get scale(): Float64Array {
    const { data_min, data_max } = this.statistics('scale');
    return data_max.map((max, f) => (this.high - this.low) / (max - data_min[f]! || 1));
  }

  protected override get bounds(): readonly [number, number] {
    return this.clip ? [this.low, this.high] : super.bounds;
  }

  override affine(): Affine {
    if (this.clip) {
      throw new Error(
        'MinMaxScaler.affine: expected a scaler without clip, got { clip: true }: clipping is not affine',
      );
    }
    return super.affine();
  }

  protected measure(data: ArrayLike<number>, { outer, features, inner }: Layout): Known {
    const count = new Float64Array(features);
    const least = new Float64Array(features).fill(Number.NaN);
    const most = new Float64Array(features).fill(Number.NaN);
    for (let at = 0, o = 0; o < outer; o++) {
      for (let f = 0; f < features; f++) {
        for (const end = at + inner; at < end; at++) {
          const x = data[at]!;
          if (Number.isNaN(x)) continue;
          count[f]!++;
          // Before the first value these are NaN, for which both comparisons are false.
          if (!(least[f]! <= x)) least[f] = x;
          if (!(most[f]! >= x)) most[f] = x;
        }
      }
    }
    return { data_min: least, data_max: most, count };
  }

  protected merge(a: Known, b: Known): Known {
    return {
      data_min: a.data_min.map((x, f) =>
        b.data_min[f]! < x || Number.isNaN(x) ? b.data_min[f]! : x,
      ),
      data_max: a.data_max.map((x, f) =>
        b.data_max[f]! > x || Number.isNaN(x) ? b.data_max[f]! : x,
      ),
      count: a.count.map((n, f) => n + b.count[f]!),
    };
  }

  protected derive({ data_min, count }: Known): Affine {
    return {
      shift: data_min,
      factor: this.scale,
      offset: new Float64Array(count.length).fill(this.low),
    };
  }

  protected check(who: string, { data_min, data_max }: Known): void {
    const invalid = data_min.findIndex((min, f) => min > data_max[f]!);
    if (invalid >= 0) {
      throw new RangeError(
        `${who}: feature ${invalid} expected data_min ≤ data_max, got ${data_min[invalid]} > ${data_max[invalid]}`,
      );
    }
  }
}
