import type { LayerSeries, WatchedLayer, WatchReport } from './report.ts';

/** A number for a sentence, with two digits that count. */
export function say(value: number): string {
  if (!Number.isFinite(value)) return `${value}`;
  const size = Math.abs(value);
  if (size >= 1000 && size < 1e6) {
    const unit = size < 10_000 ? 100 : size < 100_000 ? 1000 : 10_000;
    const digits = `${Math.round(value / unit) * unit}`;
    return digits.replace(/\B(?=(\d{3})+$)/g, ',');
  }
  return `${Number(value.toPrecision(2))}`;
}

export function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}

/** The middle one of the last `count` numbers that are not NaN; NaN if there is none. */
export function recent(series: readonly number[], count = 5): number {
  const known = series.filter((value) => !Number.isNaN(value)).slice(-count);
  // Insertion instead of sort: comparator sorts are not specified for every input, and these are few.
  const sorted: number[] = [];
  for (const value of known) {
    let at = sorted.length;
    while (at > 0 && sorted[at - 1]! > value) at--;
    sorted.splice(at, 0, value);
  }
  return sorted.length > 0 ? sorted[sorted.length >> 1]! : Number.NaN;
}

export function seriesOf(report: WatchReport, name: string): LayerSeries | undefined {
  return report.history.layers[name];
}

/** The layers of the last watched step that compute weighted sums, in order of running. */
export function weightedLayers(report: WatchReport): WatchedLayer[] {
  return report.last?.layers.filter(({ weighted }) => weighted) ?? [];
}
