/** What `watch` measures, over plain arrays. */

export interface UnitMoments {
  count: number;
  mean: number;
  scatter: number;
  min: number;
  max: number;
}

/** The moments of the finite numbers of each unit of x [rows, units, inner]. */
export function unitMoments(
  x: ArrayLike<number>,
  rows: number,
  units: number,
  inner: number,
): UnitMoments[] {
  return Array.from({ length: units }, (_, unit) => {
    const values: number[] = [];
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < inner; i++) {
        const value = x[(row * units + unit) * inner + i]!;
        if (Number.isFinite(value)) values.push(value);
      }
    }
    let sum = 0;
    for (const value of values) sum += value;
    const mean = values.length > 0 ? sum / values.length : 0;
    let scatter = 0;
    for (const value of values) scatter += (value - mean) ** 2;
    return {
      ...{ count: values.length, mean, scatter },
      min: values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
      max: values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
    };
  });
}

/** The quantile at each fraction, between the two nearest of the sorted finite numbers. */
export function quantiles(x: ArrayLike<number>, fractions: readonly number[]): number[] {
  const sorted = Array.from(x)
    .filter((value) => Number.isFinite(value))
    .sort((a, b) => a - b);
  return fractions.map((fraction) => {
    if (sorted.length === 0) return Number.NaN;
    const position = fraction * (sorted.length - 1);
    const low = Math.floor(position);
    const high = Math.min(low + 1, sorted.length - 1);
    return sorted[low]! + (sorted[high]! - sorted[low]!) * (position - low);
  });
}

/** Counts of the finite numbers in `bins` bins from low to high, then of those below, and of those above. */
export function histogram(x: ArrayLike<number>, low: number, high: number, bins: number): number[] {
  const counts = new Array<number>(bins + 2).fill(0);
  for (let i = 0; i < x.length; i++) {
    const value = x[i]!;
    if (!Number.isFinite(value)) continue;
    if (value < low) counts[bins]!++;
    else if (value > high) counts[bins + 1]!++;
    else if (high > low)
      counts[Math.min(bins - 1, Math.floor((value - low) * (bins / (high - low))))]!++;
    else counts[0]!++;
  }
  return counts;
}

export function countOutside(x: ArrayLike<number>, low: number, high: number): number {
  return Array.from(x).filter((value) => value <= low || value >= high).length;
}

/** Σ (a − b)². */
export function sumOfSquaredDifferences(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}
