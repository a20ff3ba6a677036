/** What the checks say, without a test framework: each throws where something is wrong. */
import goldens from 'goldens';
import { difference, type Tolerance } from '../../support/difference.ts';
import { type GoldenCase, revive } from '../../support/stored.ts';

/** A name and what must not throw. */
export type Check = readonly [name: string, body: () => void | Promise<void>];

export function casesOf(name: string): GoldenCase[] {
  return JSON.parse(goldens[name]!, revive);
}

export function close(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
  what?: string,
): void {
  const found = difference(actual, expected, tolerance, what);
  if (found) throw new Error(found);
}

export function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, e] = [actual, expected].map((value) => JSON.stringify(value));
  if (a !== e) throw new Error(`${what}: expected ${e}, got ${a}`);
}

export function throws(body: () => unknown, kind: new () => Error, message: string): void {
  try {
    body();
  } catch (error) {
    if (error instanceof kind && error.message.includes(message)) return;
    throw new Error(`expected ${kind.name} "…${message}…", got ${error}`);
  }
  throw new Error(`expected ${kind.name} "…${message}…", got no error`);
}
