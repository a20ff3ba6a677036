/** How test values are compared, without a test framework, so that every runtime can. */

export interface Tolerance {
  /** Allowed error relative to the expected value. */
  rtol?: number;
  /** Allowed error relative to the largest expected magnitude in the array. */
  scaled?: number;
  /** Allowed absolute error. */
  atol?: number;
  /** Allowed absolute error of each entry, on top of the others. */
  slack?: ArrayLike<number>;
}

/**
 * Where |actual − expected| ≤ atol + rtol·|expected| + scaled·max|expected| + slack does not hold entry by
 * entry, with the worst named; undefined where it does. NaN and infinities must agree.
 */
export function difference(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { rtol = 0, scaled = 0, atol = 0, slack }: Tolerance,
  what = 'values',
): string | undefined {
  if (actual.length !== expected.length) {
    return `${what}: expected ${expected.length} values, got ${actual.length}`;
  }
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const magnitude = Math.abs(expected[i]!);
    if (magnitude > largest && magnitude < Infinity) largest = magnitude;
  }
  let worst = 0;
  let where = -1;
  let misses = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i]!;
    const e = expected[i]!;
    if (Object.is(a, e) || a === e) continue;
    const bound = atol + rtol * Math.abs(e) + scaled * largest + (slack?.[i] ?? 0);
    const excess = Number.isFinite(a) && Number.isFinite(e) ? Math.abs(a - e) / bound : Infinity;
    if (excess > 1) misses++;
    if (excess > worst) {
      worst = excess;
      where = i;
    }
  }
  if (misses === 0) return undefined;
  return (
    `${what}: ${misses} of ${expected.length} differ; worst at [${where}]: expected ` +
    `${expected[where]}, got ${actual[where]} (${worst.toPrecision(3)} × the tolerance)`
  );
}
