import { checkNumber, describe } from '../tensor/check.ts';
import type { Layout } from './features.ts';
import { type Affine, Scaler, type ScalerOptions, type Statistics } from './scaler.ts';

export interface MinMaxScalerOptions extends ScalerOptions {
  /** What the least and the largest value become. Default [0, 1]. */
  range?: readonly [low: number, high: number];
  /** Whether values beyond those seen in `fit` are held to the range. Default false. */
  clip?: boolean;
}

type Known = Statistics<'data_min' | 'data_max'>;

/**
 * Features between two bounds:
 *
 *   y = (x − min)/(max − min)·(high − low) + low
 *
 * ```ts
 * const scaler = new MinMaxScaler({ range: [-1, 1] }).fit(table);      // [N, F]
 * ```
 *
 * A constant feature becomes `low`: its max − min counts as 1. As scikit-learn's `MinMaxScaler`, but
 * that constant here means max = min, however small the feature's unit is.
 *
 * The state has `data_min`, `data_max` and `count`.
 *
 * @throws RangeError for a range whose low is not below its high, and for an axis that cannot count
 *   features; TypeError for another `nan`
 */
export class MinMaxScaler extends Scaler<'data_min' | 'data_max'> {
  readonly clip: boolean;
  protected readonly names = ['data_min', 'data_max'] as const;
  private readonly low: number;
  private readonly high: number;

  constructor(options: MinMaxScalerOptions = {}) {
    super(options);
    const { range = [0, 1], clip = false } = options;
    if (!Array.isArray(range) || range.length !== 2) {
      throw new TypeError(`MinMaxScaler: range expected [low, high], got ${describe(range)}`);
    }
    for (const bound of range) {
      checkNumber('MinMaxScaler', 'range', bound, -Number.MAX_VALUE, Number.MAX_VALUE);
    }
    [this.low, this.high] = range as [number, number];
    if (!(this.low < this.high)) {
      throw new RangeError(
        `MinMaxScaler: range expected a low below its high, got [${this.low}, ${this.high}]`,
      );
    }
    this.clip = clip;
  }

  /** Each feature's least value; NaN without a value. Throws before there are statistics. */
  get dataMin(): Float64Array {
    return this.statistics('dataMin').data_min.slice();
  }

  /** Each feature's largest value. */
  get dataMax(): Float64Array {
    return this.statistics('dataMax').data_max.slice();
  }

  /** What is multiplied by: (high − low)/(max − min). */
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
        'MinMaxScaler.affine: what clips is no affine map: use a scaler without clip',
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
          // NaN, where no value was yet, is on no side of x
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
    const odd = data_min.findIndex((min, f) => min > data_max[f]!);
    if (odd >= 0) {
      throw new RangeError(
        `${who}: data_min expected at most data_max, ${data_max[odd]}, got ${data_min[odd]} of ` +
          `feature ${odd}`,
      );
    }
  }
}
