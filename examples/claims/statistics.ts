/** Means and intervals over seeds. */

/** Quantiles of Student's t distribution at 97.5 %, for 1, 2, … degrees of freedom. */
const T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

export interface Interval {
  readonly mean: number;
  /** Half the width of the 95 % confidence interval of the mean; 0 for one value. */
  readonly half: number;
  readonly low: number;
  readonly high: number;
}

/** The mean and its 95 % confidence interval by Student's t. */
export function interval(values: readonly number[]): Interval {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const half = n < 2 ? 0 : (T[n - 2] ?? 1.96) * Math.sqrt(squares / (n - 1) / n);
  return { mean, half, low: mean - half, high: mean + half };
}

/**
 * Whether the mean of `a` is above that of `b` by Student's t test for two samples of equal size, at 95 %. Of
 * one value each, whether it is above.
 */
export function isAbove(a: readonly number[], b: readonly number[]): boolean {
  const [first, second] = [a, b].map((values) => {
    const n = values.length;
    const mean = values.reduce((sum, value) => sum + value, 0) / n;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return { mean, error: n < 2 ? 0 : squares / (n - 1) / n };
  }) as [{ mean: number; error: number }, { mean: number; error: number }];
  const t = T[a.length + b.length - 3] ?? 1.96;
  return first.mean - second.mean > t * Math.sqrt(first.error + second.error);
}

/** The values of each group, in order of the groups' first appearance. */
export function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}

/** '87.1 ± 0.3 %'; without the interval for one value. */
export function percentText(values: readonly number[]): string {
  return `${meanText(
    values.map((value) => 100 * value),
    1,
  )} %`;
}

/** '0.412 ± 0.010'; without the interval for one value. */
export function meanText(values: readonly number[], digits: number): string {
  const { mean, half } = interval(values);
  return mean.toFixed(digits) + (values.length > 1 ? ` ± ${half.toFixed(digits)}` : '');
}
