/** Checks of what users pass in, and the wording of what they get back. */

/** A tensor's extent along each axis. */
export type Shape = readonly number[];

/** `[8, 32, 4, 4]`. */
export function shapeText(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** @throws RangeError unless every extent is a whole number ≥ 0 */
export function checkShape(who: string, shape: Shape): void {
  if (!Array.isArray(shape)) {
    throw new TypeError(`${who}: expected a shape such as [32, 10], got ${describe(shape)}`);
  }
  for (const extent of shape) {
    if (!Number.isInteger(extent) || extent < 0) {
      throw new RangeError(`${who}: expected whole extents ≥ 0, got ${shapeText(shape)}`);
    }
  }
}

/** @throws RangeError unless `value` is a whole number ≥ `least` */
export function checkInteger(who: string, name: string, value: number, least = 1): void {
  if (typeof value !== 'number') {
    throw new TypeError(`${who}: ${name} expected a number, got ${describe(value)}`);
  }
  if (!Number.isInteger(value) || value < least) {
    throw new RangeError(`${who}: ${name} expected a whole number ≥ ${least}, got ${value}`);
  }
}

/** @throws RangeError unless `low` ≤ value ≤ `high` */
export function checkNumber(
  who: string,
  name: string,
  value: number,
  low = -Infinity,
  high = Infinity,
): void {
  if (typeof value !== 'number') {
    throw new TypeError(`${who}: ${name} expected a number, got ${describe(value)}`);
  }
  if (!(value >= low && value <= high)) {
    const range =
      high === Infinity
        ? low === -Infinity
          ? 'a number'
          : `a number ≥ ${low}`
        : `a number from ${low} to ${high}`;
    throw new RangeError(`${who}: ${name} expected ${range}, got ${value}`);
  }
}

/** What a value is, for an error: `a string`, `null`, `a Map`. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'object') return `a ${value.constructor?.name ?? 'object'}`;
  if (typeof value === 'function') return 'a function';
  return `the ${typeof value} ${String(value)}`;
}

/** @throws RangeError unless eps is a float32 > 0 */
export function checkEps(who: string, eps: number): void {
  checkNumber(who, 'eps', eps);
  if (!(Math.fround(eps) > 0 && eps < Infinity)) {
    throw new RangeError(`${who}: eps expected a number > 0, got ${eps}`);
  }
}
