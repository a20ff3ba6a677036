/** Checks of arguments that users pass in, and the texts that error messages share. */

/** The largest size that kernels take, 2³⁰: linear memory has fewer floats. */
export const MAX_SIZE = 0x40000000;

/**
 * @throws TypeError if `value` is not a number
 * @throws RangeError if `value` is not a whole number from `least` to `most`
 */
export function checkInteger(
  who: string,
  name: string,
  value: number,
  least = 1,
  most = Infinity,
): void {
  if (typeof value !== 'number') {
    throw unexpected(`${who}: ${name}`, 'a number', value);
  }
  if (!Number.isInteger(value) || value < least || value > most) {
    const range = value > most ? `from ${least} to ${most}` : `≥ ${least}`;
    throw new RangeError(`${who}: ${name} expected a whole number ${range}, got ${value}`);
  }
}

/**
 * @param high default any finite number; with Infinity that is taken, too
 * @throws TypeError if `value` is not a number
 * @throws RangeError if `value` is NaN, less than `low` or greater than `high`
 */
export function checkNumber(
  who: string,
  name: string,
  value: number,
  low = -Number.MAX_VALUE,
  high = Number.MAX_VALUE,
): void {
  if (typeof value !== 'number') {
    throw unexpected(`${who}: ${name}`, 'a number', value);
  }
  if (!(value >= low && value <= high)) {
    const least = low === -Number.MAX_VALUE ? 'a finite number' : `a number ≥ ${low}`;
    const range = high < Number.MAX_VALUE ? `a number from ${low} to ${high}` : least;
    throw new RangeError(`${who}: ${name} expected ${range}, got ${value}`);
  }
}

/** As checkInteger, for a size that kernels take: at most 2³⁰. */
export function checkSize(who: string, name: string, value: number, least = 1): void {
  checkInteger(who, name, value, least, MAX_SIZE);
}

/** The error for a value of another kind. */
export function unexpected(what: string, expected: string, got: unknown): TypeError {
  return new TypeError(`${what} expected ${expected}, got ${describe(got)}`);
}

/** Describes a value for an error message: `null`, `a Map`, `a function`, `the string abc`. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object') return `a ${value.constructor?.name ?? 'object'}`;
  if (typeof value === 'function') return 'a function';
  return `the ${typeof value} ${brief(String(value))}`;
}

/** A text as a message repeats it: a file's may have megabytes. */
export function brief(text: string, most = 100): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** @throws TypeError unless `state` holds tensors by name */
export function checkRecord(who: string, state: unknown, held = 'tensors'): void {
  if (typeof state === 'object' && state && !(Symbol.iterator in state)) return;
  throw unexpected(`${who}:`, `${held} by name`, state);
}

/**
 * @throws TypeError if `eps` is not a number
 * @throws RangeError if `eps` is infinite or does not round to a float32 > 0
 */
export function checkEps(who: string, eps: number): void {
  checkNumber(who, 'eps', eps);
  if (!(Math.fround(eps) > 0)) {
    throw new RangeError(`${who}: eps expected a number > 0, got ${eps}`);
  }
}

/** `signal.throwIfAborted()`, which Chrome has from 100 on. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw signal.reason ?? new Error('aborted');
}

/** Whether `value` is an object of no class, such as `{}`. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
