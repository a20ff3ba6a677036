import { checkRecord } from '../tensor/check.ts';
import { read } from '../tensor/reading.ts';
import { type Shape, shapeText } from '../tensor/shape.ts';
import { type Input, Tensor } from '../tensor/tensor.ts';
import { checkAxis, join, type Layout, layoutOf, refuse, split } from './features.ts';

export interface ScalerOptions {
  /**
   * The axis of the features. Statistics are taken over all other axes. Default 1: columns of [N, F],
   * channels of [N, C, H, W]. −1 is the last axis.
   */
  axis?: number;
  /**
   * How to treat NaN, which stands for a missing value. `'ignore'` (the default) leaves the value out of its
   * feature's statistics, and `transform` returns it as NaN. `'refuse'` throws an error.
   */
  nan?: 'ignore' | 'refuse';
}

/** The options of all scalers, as `optionsOf` takes them. */
export const SCALER_OPTIONS = { axis: 1, nan: ['ignore', 'refuse'] } as const;

/** The map y = (x − shift)·factor + offset, with one number of each per feature. */
export interface Affine {
  readonly shift: Float64Array;
  readonly factor: Float64Array;
  readonly offset: Float64Array;
}

/** A scaler's state: each statistic as [3, F], whose three float32 rows add up to the float64 values. */
export type ScalerState = Record<string, Tensor>;

/** The statistics of each feature, and the number of values that they come from. */
export type Statistics<K extends string> = Readonly<Record<K | 'count', Float64Array>>;

/** The base of the scalers: statistics in float64, which can be merged over a stream and saved as tensors. */
export abstract class Scaler<K extends string> {
  readonly axis: number;
  readonly nan: 'ignore' | 'refuse';
  private known: Statistics<K> | undefined;
  /** The map that follows from the statistics; computed when it is needed. */
  private derived: Affine | undefined;

  /** The statistics' names in the state. */
  protected abstract readonly names: readonly K[];

  /** @param options with the defaults of `SCALER_OPTIONS` */
  constructor({ axis, nan }: Required<ScalerOptions>) {
    checkAxis(this.constructor.name, axis);
    this.axis = axis;
    this.nan = nan;
  }

  /** Whether the scaler has statistics. */
  get fitted(): boolean {
    return this.known !== undefined;
  }

  /**
   * The number of features.
   *
   * @throws Error if the scaler has no statistics yet
   */
  get features(): number {
    return this.statistics('features').count.length;
  }

  /** The number of values of each feature that the statistics come from. NaN does not count. */
  get count(): Float64Array {
    return this.statistics('count').count.slice();
  }

  /**
   * Replaces the statistics with those of `x`.
   *
   * @param x samples by features, [N, F] or [N, C, …]; a Float64Array is read in full precision
   * @throws RangeError if there are no samples, if a value is infinite, or if it is NaN and NaN is refused;
   *   nothing has changed then
   */
  fit(x: Input): this {
    this.replace(this.measureInput('fit', x));
    return this;
  }

  /**
   * Merges the statistics of `x` into the present ones. After a stream of batches they are those of all
   * batches together.
   *
   * @throws RangeError as `fit`, and if `x` has another number of features
   */
  partialFit(x: Input): this {
    const more = this.measureInput('partialFit', x);
    this.replace(this.known ? this.merge(this.known, more) : more);
    return this;
  }

  /**
   * Scales `x`. Computes in float64, and returns a new float32 Tensor of the same shape.
   *
   * @throws Error if the scaler has no statistics yet
   * @throws RangeError if `x` has another number of features, or has NaN and NaN is refused
   */
  transform(x: Input): Tensor {
    return this.apply('transform', x);
  }

  /** `fit(x)`, then `transform(x)`. */
  fitTransform(x: Input): Tensor {
    return this.fit(x).transform(x);
  }

  /** The inverse of `transform`: returns the unscaled values. Throws the same errors. */
  inverse(y: Input): Tensor {
    return this.apply('inverse', y);
  }

  /**
   * The numbers of the map that `transform` applies: y = (x − shift)·factor + offset.
   *
   * @throws Error if the scaler has no statistics yet, or clips
   */
  affine(): Affine {
    const { shift, factor, offset } = this.map('affine');
    return { shift: shift.slice(), factor: factor.slice(), offset: offset.slice() };
  }

  /**
   * The statistics as tensors, for example for `saveSafetensors`. `loadStateDict` restores them exactly, to
   * the last bit of float64, so that `partialFit` can continue.
   *
   * @throws Error if the scaler has no statistics yet
   * @throws RangeError if a statistic is too large for float32
   */
  stateDict(): ScalerState {
    const known = this.statistics('stateDict');
    return Object.fromEntries(
      [...this.names, 'count' as const].map((name) => [name, split(known[name], [this.features])]),
    );
  }

  /**
   * Replaces the statistics with those of a state dict: tensors [3, F] as `stateDict` returns them, or plain
   * tensors [F]. If this throws, nothing has changed.
   *
   * @throws RangeError if a name is missing or unexpected, if the number of features differs between
   *   statistics or from the scaler's, or if a value is impossible
   */
  loadStateDict(state: Readonly<Record<string, Input>>): void {
    const who = `${this.constructor.name}.loadStateDict`;
    checkRecord(who, state);
    const names = [...this.names, 'count' as const];
    const missing = names.filter((name) => !Object.hasOwn(state, name));
    const unexpected = Object.keys(state).filter((name) => !names.includes(name as K));
    if (missing.length > 0 || unexpected.length > 0) {
      throw new RangeError(
        `${who}: expected ${names.join(', ')}, got ${Object.keys(state).join(', ') || 'nothing'}`,
      );
    }
    const loaded = {} as Record<K | 'count', Float64Array>;
    for (const name of names) {
      const { shape, values } = read(`${who}: ${name}`, state[name]!);
      const plain = shape.length === 1;
      if (!plain && (shape.length !== 2 || shape[0] !== 3)) {
        throw new RangeError(`${who}: ${name} expected [3, F] or [F], got ${shapeText(shape)}`);
      }
      loaded[name] = plain ? Float64Array.from(values) : join(values);
      const width = this.known?.count.length ?? loaded[names[0]!].length;
      if (loaded[name].length !== width) {
        throw new RangeError(
          `${who}: ${name} expected ${width} features, got ${loaded[name].length}`,
        );
      }
    }
    const invalid = loaded.count.findIndex((n) => !(Number.isInteger(n) && n >= 0));
    if (invalid >= 0) {
      throw new RangeError(
        `${who}: count expected whole numbers ≥ 0, got ${loaded.count[invalid]} for feature ${invalid}`,
      );
    }
    this.check(who, loaded);
    this.replace(loaded);
  }

  /** The statistics of these values; NaN does not count. */
  protected abstract measure(data: ArrayLike<number>, layout: Layout): Statistics<K>;

  /** The statistics of both data sets together. */
  protected abstract merge(a: Statistics<K>, b: Statistics<K>): Statistics<K>;

  /** The map that scales with these statistics. */
  protected abstract derive(statistics: Statistics<K>): Affine;

  /** @throws RangeError if loaded statistics are impossible */
  protected abstract check(who: string, statistics: Statistics<K>): void;

  /** The range that `transform` clips its results to. */
  protected get bounds(): readonly [low: number, high: number] {
    return [-Infinity, Infinity];
  }

  protected statistics(method: string): Statistics<K> {
    if (this.known) return this.known;
    throw new Error(
      `${this.constructor.name}.${method}: expected statistics, got none yet: call fit, partialFit or ` +
        'loadStateDict',
    );
  }

  private map(method: string): Affine {
    this.derived ??= this.derive(this.statistics(method));
    return this.derived;
  }

  private replace(statistics: Statistics<K>): void {
    this.known = statistics;
    this.derived = undefined;
  }

  /** Checks an input, and returns its statistics. */
  private measureInput(method: 'fit' | 'partialFit', x: Input): Statistics<K> {
    const who = `${this.constructor.name}.${method}`;
    const { shape, values } = read(who, x);
    const layout = layoutOf(who, shape, this.axis);
    if (method === 'partialFit' && this.known) this.checkWidth(method, layout.features, shape);
    if (values.length === 0) {
      throw new RangeError(`${who}: expected at least one value, got ${shapeText(shape)}`);
    }
    refuse(who, values, shape, { nan: this.nan === 'refuse', infinite: true });
    return this.measure(values, layout);
  }

  private apply(method: 'transform' | 'inverse', x: Input): Tensor {
    const who = `${this.constructor.name}.${method}`;
    const { shift, factor, offset } = this.map(method);
    const { shape, values } = read(who, x);
    const { outer, features, inner } = layoutOf(who, shape, this.axis);
    this.checkWidth(method, features, shape);
    if (this.nan === 'refuse') refuse(who, values, shape, { nan: true, infinite: false });
    const forward = method === 'transform';
    const [low, high] = forward ? this.bounds : [-Infinity, Infinity];
    const result = new Float32Array(values.length);
    let at = 0;
    for (let o = 0; o < outer; o++) {
      for (let f = 0; f < features; f++) {
        // Forward: y = (x − shift)·factor + offset. Inverse: x = (y − offset)/factor + shift.
        const a = forward ? shift[f]! : offset[f]!;
        const b = forward ? offset[f]! : shift[f]!;
        const by = factor[f]!;
        for (const end = at + inner; at < end; at++) {
          const d = values[at]! - a;
          const y = (forward ? d * by : d / by) + b;
          result[at] = y < low ? low : y > high ? high : y;
        }
      }
    }
    return Tensor.from(result, shape);
  }

  private checkWidth(method: string, features: number, shape: Shape): void {
    const expected = this.features;
    if (features === expected) return;
    throw new RangeError(
      `${this.constructor.name}.${method}: expected ${expected} features along axis ${this.axis}, ` +
        `got ${features} in ${shapeText(shape)}`,
    );
  }
}
