/** Values seen by feature, and float64 numbers kept in float32 tensors. */
import { checkInteger, type Shape, shapeText } from '../tensor/check.ts';
import { Tensor } from '../tensor/tensor.ts';

/** x[outer, feature, inner]: a table's inner is 1, an image's its plane. */
export interface Layout {
  readonly outer: number;
  readonly features: number;
  readonly inner: number;
}

/** @throws RangeError for fewer than two axes, or where `axis` is none of the shape's but the first */
export function layoutOf(who: string, shape: Shape, axis: number): Layout {
  const at = axis < 0 ? shape.length + axis : axis;
  if (shape.length < 2 || at < 1 || at >= shape.length) {
    throw new RangeError(
      `${who}: expected samples by features, such as [N, F], with features along axis ${axis}, got ` +
        shapeText(shape),
    );
  }
  const product = (extents: Shape) => extents.reduce((all, extent) => all * extent, 1);
  return {
    outer: product(shape.slice(0, at)),
    features: shape[at]!,
    inner: product(shape.slice(at + 1)),
  };
}

/** @throws RangeError unless `axis` may name features: the first axis counts samples */
export function checkAxis(who: string, axis: number): void {
  if (axis !== -1) checkInteger(who, 'axis', axis < 0 ? -axis : axis);
}

/**
 * @throws RangeError at the first value that is NaN, with `nan`, or infinite, with `infinite`: where it
 *   stands and what to do
 */
export function refuse(
  who: string,
  data: ArrayLike<number>,
  shape: Shape,
  { nan, infinite }: { nan: boolean; infinite: boolean },
): void {
  for (let at = 0; at < data.length; at++) {
    const value = data[at]!;
    // x − x is 0 for every finite number, and NaN for all others
    if (value - value === 0) continue;
    if (Number.isNaN(value) ? !nan : !infinite) continue;
    const way = Number.isNaN(value) ? 'fill it in, or leave the sample out' : 'leave it out';
    throw new RangeError(
      `${who}: expected ${nan ? 'numbers' : 'no infinity'}, got ${value} at ` +
        `${shapeText(indexOf(at, shape))}: ${way}`,
    );
  }
}

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
 * Float64 numbers as a tensor [3, …shape] of float32 ones whose three rows add up to them, exactly.
 *
 * @throws RangeError where a finite number is beyond float32
 */
export function split(values: Float64Array, shape: Shape): Tensor {
  const n = values.length;
  const rows = new Float32Array(3 * n);
  for (const [i, value] of values.entries()) {
    const high = Math.fround(value);
    if (Number.isFinite(value) && !Number.isFinite(high)) {
      throw new RangeError(`stateDict: expected numbers within float32, got ${value}`);
    }
    const middle = Math.fround(value - high);
    rows[i] = high;
    rows[n + i] = middle;
    rows[2 * n + i] = value - high - middle;
  }
  return Tensor.from(rows, [3, ...shape]);
}

/** What `split` was given. */
export function join(rows: ArrayLike<number>): Float64Array {
  const n = rows.length / 3;
  return Float64Array.from({ length: n }, (_, i) => rows[i]! + rows[n + i]! + rows[2 * n + i]!);
}
