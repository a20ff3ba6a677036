/** Charts of one layer in the last watched step: histogram, γ and β, running against batch statistics. */
import uPlot, { type Series } from 'uplot';
import { finite } from '../page/history.ts';
import { colour, faint } from '../page/theme.ts';
import type { Distribution, LayerReport, Which } from '../protocol.ts';
import { Chart, line } from './chart.ts';

const BINS = 40;

type Sides = Partial<Record<Which, Distribution>>;

/** Two histograms on one axis. */
export class Histogram {
  private readonly chart: Chart;

  constructor(
    host: HTMLElement,
    private readonly label: string,
  ) {
    const stepped = (which: Which, more: Partial<Series>): Series =>
      line(which, {
        paths: uPlot.paths.stepped!({ align: 0 as 1 }),
        fill: () => faint(which, 0.16),
        width: 1.5,
        ...more,
      });
    this.chart = new Chart(host, {
      label,
      series: [stepped('b', { dash: [7, 3] }), stepped('a', {})],
      y: { format: (share) => `${+(100 * share).toPrecision(2)} %` },
    });
  }

  set({ a, b }: Sides): void {
    const known = [a, b].filter((side) => side && Number.isFinite(side.sd)) as Distribution[];
    if (known.length === 0) return;
    const low = Math.min(...known.map(({ histogram }) => histogram.low));
    const high = Math.max(...known.map(({ histogram }) => histogram.high));
    const width = (high - low || 1) / BINS;
    const centres = Array.from({ length: BINS }, (_, i) => low + (i + 0.5) * width);
    const again = (of: Distribution | undefined): (number | null)[] =>
      of && known.includes(of) ? rebinned(of, low, width) : centres.map(() => null);
    this.chart.set(() => [centres, again(b), again(a)]);
    const text = (of: Distribution | undefined): string =>
      of ? `mean ${of.mean.toPrecision(2)}, sd ${of.sd.toPrecision(2)}` : 'none';
    this.chart.describe(`${this.label}: first network ${text(a)}; second ${text(b)}`);
  }

  dispose(): void {
    this.chart.dispose();
  }
}

/** The counts of a histogram in bins of other borders: a bin's count goes where its centre is. */
export function rebinned({ histogram }: Distribution, from: number, width: number): number[] {
  const { low, high, counts } = histogram;
  const counted = new Array<number>(BINS).fill(0);
  // A bin may be wider than a new one: it is divided into parts.
  const parts = Math.max(1, Math.ceil((high - low) / counts.length / width) * 4);
  for (const [i, count] of counts.entries()) {
    for (let part = 0; part < parts; part++) {
      const at = low + ((i + (part + 0.5) / parts) * (high - low)) / counts.length;
      const bin = Math.min(BINS - 1, Math.max(0, Math.floor((at - from) / width)));
      counted[bin]! += count / parts;
    }
  }
  return counted;
}

/** What the norm of one layer of one network holds, unit by unit. */
export class Units {
  private readonly charts: Chart[] = [];

  /** @param hosts where to draw γ and β, means, and standard deviations; the last two may be missing */
  constructor(which: Which, name: string, hosts: readonly HTMLElement[]) {
    const dots = (fill: () => string): Series => ({
      stroke: () => colour(which),
      width: 0,
      paths: () => null,
      points: { show: true, size: 5, width: 1, stroke: () => colour(which), fill },
    });
    const filled = dots(() => colour(which));
    const open = dots(() => colour('surface'));
    const [affine, mean, sd] = hosts;
    const common = { small: true, x: { whole: true } };
    if (affine) {
      const label = `${name}: γ and β of each unit`;
      this.charts.push(new Chart(affine, { ...common, label, series: [filled, open] }));
    }
    for (const [host, what] of [
      [mean, 'mean'],
      [sd, 'standard deviation'],
    ] as const) {
      if (!host) continue;
      const label = `${name}: running ${what} (line) against the batch’s (dots)`;
      const series = [line('muted', { width: 1.5 }), filled];
      this.charts.push(new Chart(host, { ...common, label, series }));
    }
  }

  set({ affine, statistics }: LayerReport): void {
    const [first, mean, sd] = this.charts;
    if (affine) first?.set(() => ordered(affine.gamma, affine.beta));
    if (statistics) {
      mean?.set(() => ordered(statistics.runningMean, statistics.batchMean));
      sd?.set(() => ordered(statistics.runningSd, statistics.batchSd));
    }
  }

  dispose(): void {
    for (const chart of this.charts) chart.dispose();
  }
}

/** Units in the order of the first values. */
export function ordered(first: Float32Array, second: Float32Array): (number | null)[][] {
  const units = Array.from(first, (_, i) => i).sort((i, j) => first[i]! - first[j]!);
  return [
    units.map((_, i) => i + 1),
    units.map((i) => finite(first[i]!)),
    units.map((i) => finite(second[i]!)),
  ];
}
