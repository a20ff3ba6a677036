import { describe, type Shape, shapeText } from '../tensor/check.ts';
import { type Input, inputShape, inputValues, Tensor } from '../tensor/tensor.ts';
import { checkAxis, join, type Layout, layoutOf, refuse, split } from './features.ts';

export interface ScalerOptions {
  /**
   * The axis that counts features; every other one is gone over. Default 1: columns of [N, F], channels
   * of [N, C, H, W]. −1 is the last.
   */
  axis?: number;
  /**
   * What becomes of NaN, a missing value: `'ignore'` (default) leaves it out of the statistics and out
   * of its feature alone, and passes it on in `transform`; `'refuse'` throws.
   */
  nan?: 'ignore' | 'refuse';
}

/** y = (x − shift)·factor + offset, a number of each a feature. */
export interface Affine {
  readonly shift: Float64Array;
  readonly factor: Float64Array;
  readonly offset: Float64Array;
}

/** A scaler's state: each statistic as [3, F], three rows of float32 that add up to the float64 values. */
export type ScalerState = Record<string, Tensor>;

/** What is known of each feature. */
export type Statistics<K extends string> = Readonly<Record<K | 'count', Float64Array>>;

/** What the scalers share: statistics gathered in float64, merged over a stream, and kept as tensors. */
export abstract class Scaler<K extends string> {
  readonly axis: number;
  readonly nan: 'ignore' | 'refuse';
  private gathered: Statistics<K> | undefined;
  private derived: Affine | undefined;

  /** The statistics' names in the state. */
  protected abstract readonly names: readonly K[];

  constructor({ axis = 1, nan = 'ignore' }: ScalerOptions) {
    checkAxis(this.constructor.name, axis);
    if (nan !== 'ignore' && nan !== 'refuse') {
      throw new TypeError(
        `${this.constructor.name}: nan expected 'ignore' or 'refuse', got ${describe(nan)}`,
      );
    }
    this.axis = axis;
    this.nan = nan;
  }

  /** Whether there are statistics to scale with. */
  get fitted(): boolean {
    return this.gathered !== undefined;
  }

  /** Number of features. */
  get features(): number {
    return this.statistics('features').count.length;
  }

  /** Values that the statistics are made of, by feature: NaN does not count. */
  get count(): Float64Array {
    return this.statistics('count').count.slice();
  }

  /**
   * Gathers the statistics of `x`, and forgets earlier ones.
   *
   * @param x samples by features, [N, F] or [N, C, …]; a Float64Array is read in full precision
   * @throws RangeError without a sample, for infinite values, for NaN if refused; nothing is changed then
   */
  fit(x: Input): this {
    this.replace(this.gather('fit', x));
    return this;
  }

  /**
   * Adds `x` to what is known: over a stream of batches the statistics become those of all batches
   * together.
   *
   * @throws RangeError as `fit`, and where the number of features is another
   */
  partialFit(x: Input): this {
    const more = this.gather('partialFit', x);
    this.replace(this.gathered ? this.merge(this.gathered, more) : more);
    return this;
  }

  /**
   * `x` scaled, in a Tensor of its shape. Computed in float64, given in float32.
   *
   * @throws Error before there are statistics
   * @throws RangeError where the number of features is another, and for NaN if refused
   */
  transform(x: Input): Tensor {
    return this.apply('transform', x);
  }

  /** `fit(x)`, then `transform(x)`. */
  fitTransform(x: Input): Tensor {
    return this.fit(x).transform(x);
  }

  /** What `transform` was given, from what it returned. Throws as `transform`. */
  inverse(y: Input): Tensor {
    return this.apply('inverse', y);
  }

  /**
   * What `transform` does, as numbers: y = (x − shift)·factor + offset.
   *
   * @throws Error before there are statistics
   */
  affine(): Affine {
    const { shift, factor, offset } = this.map('affine');
    return { shift: shift.slice(), factor: factor.slice(), offset: offset.slice() };
  }

  /**
   * The statistics, for `saveSafetensors` or to go on from later: after `loadStateDict` all is as it was,
   * to the last bit of float64.
   *
   * @throws Error before there are any
   */
  stateDict(): ScalerState {
    const known = this.statistics('stateDict');
    return Object.fromEntries(
      [...this.names, 'count' as const].map((name) => [name, split(known[name], [this.features])]),
    );
  }

  /**
   * Takes over statistics: what `stateDict` gave, or plain tensors [F]. On an error nothing is changed.
   *
   * @throws RangeError for missing or unexpected names, statistics of different widths or of another
   *   width than the scaler has, and values that are none
   */
  loadStateDict(state: Readonly<Record<string, Input>>): void {
    const who = `${this.constructor.name}.loadStateDict`;
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
      const shape = inputShape(`${who}: ${name}`, state[name]!);
      const values = inputValues(state[name]!);
      const plain = shape.length === 1;
      if (!plain && (shape.length !== 2 || shape[0] !== 3)) {
        throw new RangeError(`${who}: ${name} expected [3, F] or [F], got ${shapeText(shape)}`);
      }
      loaded[name] = plain ? Float64Array.from(values) : join(values);
      const width = this.gathered?.count.length ?? loaded[names[0]!].length;
      if (loaded[name].length !== width) {
        throw new RangeError(
          `${who}: ${name} expected ${width} features, got ${loaded[name].length}`,
        );
      }
    }
    const odd = loaded.count.findIndex((n) => !(Number.isInteger(n) && n >= 0));
    if (odd >= 0) {
      throw new RangeError(
        `${who}: count expected whole numbers ≥ 0, got ${loaded.count[odd]} of feature ${odd}`,
      );
    }
    this.check(who, loaded);
    this.replace(loaded);
  }

  /** Statistics of these values alone; NaN does not count. */
  protected abstract measure(data: ArrayLike<number>, layout: Layout): Statistics<K>;

  /** Statistics of both together. */
  protected abstract merge(a: Statistics<K>, b: Statistics<K>): Statistics<K>;

  protected abstract derive(statistics: Statistics<K>): Affine;

  /** Throws where loaded statistics cannot be any. */
  protected abstract check(who: string, statistics: Statistics<K>): void;

  /** What scaled values are held to. */
  protected get bounds(): readonly [low: number, high: number] {
    return [-Infinity, Infinity];
  }

  protected statistics(method: string): Statistics<K> {
    if (this.gathered) return this.gathered;
    throw new Error(
      `${this.constructor.name}.${method}: there are no statistics yet: call fit or partialFit, or ` +
        'loadStateDict',
    );
  }

  private map(method: string): Affine {
    this.derived ??= this.derive(this.statistics(method));
    return this.derived;
  }

  private replace(statistics: Statistics<K>): void {
    this.gathered = statistics;
    this.derived = undefined;
  }

  private gather(method: 'fit' | 'partialFit', x: Input): Statistics<K> {
    const who = `${this.constructor.name}.${method}`;
    const shape = inputShape(who, x);
    const layout = layoutOf(who, shape, this.axis);
    if (method === 'partialFit' && this.gathered) this.checkWidth(method, layout.features, shape);
    const values = inputValues(x);
    if (values.length === 0)
      throw new RangeError(`${who}: input is empty, got ${shapeText(shape)}`);
    refuse(who, values, shape, { nan: this.nan === 'refuse', infinite: true });
    return this.measure(values, layout);
  }

  private apply(method: 'transform' | 'inverse', x: Input): Tensor {
    const who = `${this.constructor.name}.${method}`;
    const { shift, factor, offset } = this.map(method);
    const shape = inputShape(who, x);
    const { outer, features, inner } = layoutOf(who, shape, this.axis);
    this.checkWidth(method, features, shape);
    const values = inputValues(x);
    if (this.nan === 'refuse') refuse(who, values, shape, { nan: true, infinite: false });
    const forward = method === 'transform';
    const [low, high] = forward ? this.bounds : [-Infinity, Infinity];
    const result = new Float32Array(values.length);
    let at = 0;
    for (let o = 0; o < outer; o++) {
      for (let f = 0; f < features; f++) {
        // x = (y − offset)/factor + shift is the same map, the other way round
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
