/** Axes that users name: negative ones count from the last. */
import { checkInteger } from '../tensor/check.ts';
import { type Shape, shapeText } from '../tensor/shape.ts';

/** @throws TypeError or RangeError unless `dim` is a whole number */
export function checkDim(who: string, dim: number): void {
  checkInteger(who, 'dim', dim, -Infinity);
}

/**
 * The axis of a shape that is meant.
 *
 * @param more by how many axes the shape is about to grow, for a place where a new axis may stand
 * @throws RangeError if the shape lacks it
 */
export function axisOf(who: string, shape: Shape, dim: number, more = 0): number {
  const rank = shape.length + more;
  const axis = dim < 0 ? rank + dim : dim;
  if (axis >= 0 && axis < rank) return axis;
  const range = rank === 0 ? 'no axis' : `an axis from ${-rank} to ${rank - 1}`;
  throw new RangeError(`${who}: dim expected ${range} of ${shapeText(shape)}, got ${dim}`);
}

/**
 * The axes that are meant, in ascending order; all, if none is named.
 *
 * @throws RangeError if the shape lacks one, or one is named twice
 */
export function axesOf(
  who: string,
  shape: Shape,
  dim: number | readonly number[] | undefined,
): number[] {
  if (dim === undefined) return shape.map((_, axis) => axis);
  const dims: readonly number[] = Array.isArray(dim) ? dim : [dim];
  const axes = dims.map((each) => axisOf(who, shape, each));
  if (axes.length > 0 && new Set(axes).size === axes.length) return axes.sort((a, b) => a - b);
  throw new RangeError(
    `${who}: dim expected each axis at most once, and one at least, got ${shapeText(dims)}`,
  );
}
