import { join, refuse, split } from '../data/features.ts';
import { checkRecord } from '../tensor/check.ts';
import { read } from '../tensor/reading.ts';
import { type Shape, shapeText } from '../tensor/shape.ts';
import { type Input, Tensor } from '../tensor/tensor.ts';
import { multiply } from './multiply.ts';
import { merged, type Scatter, scatterOf } from './scatter.ts';

/** y = (x − mean)·Aᵀ and x = y·B + mean. */
export interface Maps {
  /** Length of y. */
  readonly outputs: number;
  /** A, [outputs, F]. */
  readonly forward: Float64Array;
  /** B, [outputs, F]. */
  readonly backward: Float64Array;
}

/** A projection's state. Each entry has three rows of float32, which add up to the float64 values. */
export type ProjectionState = Record<'mean' | 'scatter' | 'count', Tensor>;

/** The base of PCA and ZCA: the scatter matrix of the samples, and two linear maps computed from it. */
export abstract class Projection<M extends Maps> {
  private gathered: Scatter | undefined;
  private made: M | undefined;

  /** Whether there are samples. */
  get fitted(): boolean {
    return this.gathered !== undefined;
  }

  /** Number of features, F. */
  get features(): number {
    return this.scatter('features').mean.length;
  }

  /** Number of samples so far. */
  get count(): number {
    return this.scatter('count').count;
  }

  /** Each feature's mean. Throws before there are samples. */
  get mean(): Float64Array {
    return this.scatter('mean').mean.slice();
  }

  /**
   * Computes the covariance of `x`. Earlier samples no longer count.
   *
   * @param x samples by features, [N, F]; a Float64Array is centred in full precision
   * @throws RangeError for another rank, for NaN and infinity, and for too few samples for the options;
   *   nothing is changed then
   */
  fit(x: Input): this {
    const next = this.gather('fit', x);
    this.made = this.solve(next);
    this.gathered = next;
    return this;
  }

  /**
   * Adds the samples of `x` to the covariance. Too few samples are an error only when it is used.
   *
   * @throws RangeError as `fit`, and for another number of features
   */
  partialFit(x: Input): this {
    const more = this.gather('partialFit', x);
    this.gathered = this.gathered ? merged(this.gathered, more) : more;
    this.made = undefined;
    return this;
  }

  /**
   * `x`, [N, F], centred and projected.
   *
   * @throws Error before there are samples
   * @throws RangeError for another number of features, and for NaN
   */
  transform(x: Input): Tensor {
    const { outputs, forward } = this.maps('transform');
    const { mean } = this.scatter('transform');
    const { n, values } = this.rowsOf('transform', x, mean.length);
    const centred = new Float32Array(values.length);
    for (let at = 0; at < centred.length; ) {
      for (let i = 0; i < mean.length; i++, at++) centred[at] = values[at]! - mean[i]!;
    }
    return Tensor.from(multiply(centred, forward, [n, mean.length, outputs], true), [n, outputs]);
  }

  /** `fit(x)`, then `transform(x)`. */
  fitTransform(x: Input): Tensor {
    return this.fit(x).transform(x);
  }

  /** Inverts `transform`, as far as the components that were kept allow. */
  inverse(y: Input): Tensor {
    const { outputs, backward } = this.maps('inverse');
    const { mean } = this.scatter('inverse');
    const { n, values } = this.rowsOf('inverse', y, outputs);
    const x = multiply(Float32Array.from(values), backward, [n, outputs, mean.length], false);
    for (let at = 0; at < x.length; ) {
      for (let i = 0; i < mean.length; i++, at++) x[at]! += mean[i]!;
    }
    return Tensor.from(x, [n, mean.length]);
  }

  /**
   * Mean, scatter matrix Σ(x − mean)(x − mean)ᵀ and count, for `saveSafetensors`. After `loadStateDict` all
   * values are the same, to the last bit of float64, and `partialFit` can go on.
   *
   * @throws Error before there are samples
   */
  stateDict(): ProjectionState {
    const { mean, products, count } = this.scatter('stateDict');
    const f = mean.length;
    return {
      mean: split(mean, [f]),
      scatter: split(products, [f, f]),
      count: split(Float64Array.of(count), [1]),
    };
  }

  /**
   * Loads a state that `stateDict` returned. On an error nothing is changed.
   *
   * @throws RangeError for missing or unexpected names, for entries whose shapes do not fit each other or the
   *   present number of features, and for NaN and infinity
   */
  loadStateDict(state: Readonly<Record<string, Input>>): void {
    const who = `${this.constructor.name}.loadStateDict`;
    checkRecord(who, state);
    const names = Object.keys(state);
    const expected = ['mean', 'scatter', 'count'];
    if (names.length !== 3 || !expected.every((name) => Object.hasOwn(state, name))) {
      throw new RangeError(
        `${who}: expected ${expected.join(', ')}, got ${names.join(', ') || 'nothing'}`,
      );
    }
    const readings = expected.map((name) => read(`${who}: ${name}`, state[name]!));
    const f = this.gathered?.mean.length ?? readings[0]!.shape[1] ?? 0;
    const shapes: Record<string, Shape> = { mean: [3, f], scatter: [3, f, f], count: [3, 1] };
    const [mean, products, [count]] = expected.map((name, i) => {
      const { shape, values } = readings[i]!;
      if (shapeText(shape) !== shapeText(shapes[name]!)) {
        throw new RangeError(
          `${who}: ${name} expected ${shapeText(shapes[name]!)}, got ${shapeText(shape)}`,
        );
      }
      refuse(`${who}: ${name}`, values, shape, { nan: true, infinite: true });
      return join(values);
    }) as [Float64Array, Float64Array, Float64Array];
    if (!(Number.isInteger(count) && count! >= 1)) {
      throw new RangeError(`${who}: count expected a whole number ≥ 1, got ${count}`);
    }
    this.gathered = { mean, products, count: count! };
    this.made = undefined;
  }

  /** Computes the maps from the covariance. Throws if there are too few samples for the options. */
  protected abstract solve(scatter: Scatter): M;

  protected maps(method: string): M {
    this.made ??= this.solve(this.scatter(method));
    return this.made;
  }

  private scatter(method: string): Scatter {
    if (this.gathered) return this.gathered;
    throw new Error(
      `${this.constructor.name}.${method}: there are no samples yet: call fit or partialFit, or ` +
        'loadStateDict',
    );
  }

  private gather(method: 'fit' | 'partialFit', x: Input): Scatter {
    const width = method === 'partialFit' ? this.gathered?.mean.length : undefined;
    const { n, values } = this.rowsOf(method, x, width);
    return scatterOf(values, n, values.length / n);
  }

  /** The numbers and the number of rows, once the input has been checked. */
  private rowsOf(method: string, x: Input, width: number | undefined) {
    const who = `${this.constructor.name}.${method}`;
    const { shape, values } = read(who, x);
    if (shape.length !== 2 || (width !== undefined && shape[1] !== width)) {
      throw new RangeError(
        `${who}: input expected [N, ${width ?? 'F'}], got ${shapeText(shape)}` +
          (shape.length > 2 ? ': give images as rows, [N, C·H·W]' : ''),
      );
    }
    if (values.length === 0)
      throw new RangeError(`${who}: input is empty, got ${shapeText(shape)}`);
    const fitting = method === 'fit' || method === 'partialFit';
    refuse(who, values, shape, { nan: true, infinite: fitting });
    return { n: shape[0]!, values };
  }
}
