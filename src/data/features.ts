/** The layout of features in a tensor, checks of values, and float64 numbers stored in float32 tensors. */
import { checkInteger } from '../tensor/check.ts';
import { type Shape, shapeText } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';

/** A tensor as x[outer, feature, inner]. For a table, inner is 1; for images, it is height·width. */
export interface Layout {
  readonly outer: number;
  readonly features: number;
  readonly inner: number;
}

/**
 * The layout of a shape whose features are along `axis`.
 *
 * @throws RangeError if the shape has fewer than two axes, or if `axis` is the first axis or out of range
 */
export function layoutOf(who: string, shape: Shape, axis: number): Layout {
  const at = axis < 0 ? shape.length + axis : axis;
  if (shape.length < 2 || at < 1 || at >= shape.length) {
    throw new RangeError(
      `${who}: expected a shape with samples along axis 0 and features along axis ${axis}, such as ` +
        `[N, F], got ${shapeText(shape)}`,
    );
  }
  const product = (extents: Shape) => extents.reduce((all, extent) => all * extent, 1);
  return {
    outer: product(shape.slice(0, at)),
    features: shape[at]!,
    inner: product(shape.slice(at + 1)),
  };
}

/** @throws RangeError if `axis` is not a whole number other than 0, the axis of the samples */
export function checkAxis(who: string, axis: number): void {
  if (axis !== -1) checkInteger(who, 'axis', axis < 0 ? -axis : axis);
}

/**
 * Refuses values that are NaN (if `nan` is set) or infinite (if `infinite` is set).
 *
 * @throws RangeError for the first such value, with its index
 */
export function refuse(
  who: string,
  data: ArrayLike<number>,
  shape: Shape,
  { nan, infinite }: { nan: boolean; infinite: boolean },
): void {
  for (let at = 0; at < data.length; at++) {
    const value = data[at]!;
    // x − x is 0 for every finite x, and NaN for all others.
    if (value - value === 0) continue;
    if (Number.isNaN(value) ? !nan : !infinite) continue;
    const wayOut = Number.isNaN(value)
      ? 'replace it with a number, or remove the sample'
      : 'remove the sample';
    throw new RangeError(
      `${who}: expected ${nan ? 'numbers' : 'no infinite values'}, got ${value} at ` +
        `${shapeText(indexOf(at, shape))}: ${wayOut}`,
    );
  }
}

/** The index along each axis of the element at position `at`. */
function indexOf(at: number, shape: Shape): number[] {
  let rest = at;
  return [...shape]
    .reverse()
    .map((extent) => {
      const index = rest % extent;
      rest = (rest - index) / extent;
      return index;
    })
    .reverse();
}

/**
 * Stores float64 numbers in a float32 tensor [3, …shape], whose three rows add up to them exactly.
 *
 * @throws RangeError if a finite number is too large for float32
 */
export function split(values: Float64Array, shape: Shape): Tensor {
  const n = values.length;
  const rows = new Float32Array(3 * n);
  for (const [i, value] of values.entries()) {
    const high = Math.fround(value);
    if (Number.isFinite(value) && !Number.isFinite(high)) {
      throw new RangeError(`stateDict: expected numbers in the range of float32, got ${value}`);
    }
    const middle = Math.fround(value - high);
    rows[i] = high;
    rows[n + i] = middle;
    rows[2 * n + i] = value - high - middle;
  }
  return Tensor.from(rows, [3, ...shape]);
}

/** The inverse of `split`. */
export function join(rows: ArrayLike<number>): Float64Array {
  const n = rows.length / 3;
  return Float64Array.from({ length: n }, (_, i) => rows[i]! + rows[n + i]! + rows[2 * n + i]!);
}
