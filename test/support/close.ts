import { expect } from 'vitest';
import { difference, type Tolerance } from './difference.ts';

export type { Tolerance };

/** Fails where the values differ by more than the tolerance allows, as difference.ts reads it. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
  what = 'values',
): void {
  const found = difference(actual, expected, tolerance, what);
  if (found) expect.fail(found);
}
