/** Shapes: the sizes of tensors along their axes. */
import { MAX_SIZE, unexpected } from './check.ts';

/** A tensor's size along each axis. */
export type Shape = readonly number[];

/** A shape as text: `[8, 32, 4, 4]`. */
export function shapeText(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The shapes that `frozen` has made. */
const ours = new WeakSet<Shape>();

/** A copy of a shape that nobody can change: what a caller does with the array later has no effect. */
export function frozen(shape: Shape): Shape {
  if (ours.has(shape)) return shape;
  const copy = Object.freeze([...shape]);
  ours.add(copy);
  return copy;
}

/** The number of elements that a tensor of this shape has. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** @throws RangeError for a tensor without numbers, or with more than linear memory has */
export function checkExtents(what: string, shape: Shape): void {
  const size = sizeOf(shape);
  if (size === 0) throw new RangeError(`${what} is empty, got ${shapeText(shape)}`);
  if (size < MAX_SIZE) return;
  throw new RangeError(
    `${what} expected below 4 GiB (2³⁰ numbers), got ${shapeText(shape)}: use a smaller batch`,
  );
}

/**
 * The shape that a caller passed, read once.
 *
 * @throws TypeError if `shape` is not an array
 * @throws RangeError if an extent is not a whole number ≥ 0
 */
export function ownShape(who: string, shape: Shape): Shape {
  if (!Array.isArray(shape)) {
    throw unexpected(`${who}:`, 'a shape such as [32, 10]', shape);
  }
  const own = frozen(shape);
  for (const extent of own) {
    if (!Number.isInteger(extent) || extent < 0) {
      throw new RangeError(`${who}: expected whole extents ≥ 0, got ${shapeText(own)}`);
    }
  }
  return own;
}
