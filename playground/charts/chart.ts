/** A line chart with the page's look: uPlot, painted in small pieces and labelled for those who cannot see it. */
import uPlot, { type AlignedData, type Axis, type Options, type Series } from 'uplot';
import { short } from '../page/numbers.ts';
import { paint } from '../page/painter.ts';
import { colour, forgetTheme, onTheme } from '../page/theme.ts';

export interface ChartOptions {
  /** What the chart shows, for screen readers. */
  label: string;
  series: Series[];
  bands?: Options['bands'];
  /** The range of y; by default that of the data. */
  y?: { range?: () => [number, number]; log?: boolean; format?: (value: number) => string };
  x?: { range?: () => [number, number]; format?: (value: number) => string; whole?: boolean };
  /** Small charts have few ticks and no grid. */
  small?: boolean;
}

/** Numbers in columns, the first of which is x. */
export type Columns = readonly (readonly (number | null)[])[];

const FONT = '11px "Inter Variable", system-ui, sans-serif';

/** The data is shown when the page has time for it; only the newest is. */
export class Chart {
  private plot: uPlot | undefined;
  private data: () => AlignedData;
  private readonly observer: ResizeObserver;
  private readonly repaint = (): void => this.draw();
  private disposed = false;

  constructor(
    private readonly host: HTMLElement,
    private readonly options: ChartOptions,
  ) {
    host.replaceChildren();
    host.setAttribute('role', 'img');
    host.setAttribute('aria-label', options.label);
    this.data = () => [[], ...options.series.map(() => [])] as unknown as AlignedData;
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(host);
    onTheme(this.repaint);
  }

  /** @param columns x and the series; called when the chart is drawn */
  set(columns: () => Columns): void {
    this.data = columns as () => AlignedData;
    this.draw();
  }

  describe(label: string): void {
    this.host.setAttribute('aria-label', label);
  }

  dispose(): void {
    this.disposed = true;
    this.observer.disconnect();
    forgetTheme(this.repaint);
    this.plot?.destroy();
  }

  private draw(): void {
    paint(this, () => {
      const { clientWidth: width, clientHeight: height } = this.host;
      if (this.disposed || width === 0 || height === 0) return undefined;
      if (!this.plot) {
        this.plot = new uPlot(this.uplotOptions(width, height), this.data(), this.host);
        return 'enough'; // uPlot draws for the first time after this piece
      }
      this.plot.batch((plot: uPlot) => {
        if (plot.width !== width || plot.height !== height) plot.setSize({ width, height });
        plot.setData(this.data());
      });
      return undefined;
    });
  }

  private uplotOptions(width: number, height: number): Options {
    const { series, bands, small, x = {}, y = {} } = this.options;
    return {
      width,
      height,
      series: [{}, ...series],
      ...(bands && { bands }),
      legend: { show: false },
      cursor: { show: false },
      padding: small ? [6, 18, 0, 0] : [8, 18, 0, 0],
      scales: {
        x: { time: false, ...(x.range && { range: x.range }) },
        y: {
          ...(y.log ? { distr: 3 as const } : {}),
          range: y.range ? () => y.range!() : y.log ? logRange : linearRange,
        },
      },
      axes: [this.axis('x'), this.axis('y')],
    };
  }

  private axis(side: 'x' | 'y'): Axis {
    const { small, x = {}, y = {} } = this.options;
    const format = side === 'x' ? (x.format ?? short) : (y.format ?? short);
    return {
      stroke: () => colour('muted'),
      font: FONT,
      size: side === 'x' ? 24 : small ? 36 : 46,
      gap: 4,
      space: side === 'x' ? (small ? 56 : 70) : small ? 30 : 34,
      ticks: { show: false },
      grid: { show: side === 'y', stroke: () => colour('line'), width: 1 },
      values: (_plot, values) => values.map((v) => (v === null ? '' : format(v))),
      ...(side === 'x' && x.whole && { incrs: [1, 2, 5, 10, 20, 50] }),
      ...(side === 'y' && y.log && { splits: decades }),
    };
  }
}

/** A line in the colour of a network or of the page. */
export function line(of: Parameters<typeof colour>[0], more: Partial<Series> = {}): Series {
  return { stroke: () => colour(of), width: 2, points: { show: false }, spanGaps: true, ...more };
}

function linearRange(_plot: uPlot, low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const margin = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - margin, high + margin];
}

function logRange(_plot: uPlot, low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || !(low > 0)) return [1e-4, 1];
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  return [10 ** from, 10 ** Math.max(to, from + 1)];
}

/** The powers of ten on a logarithmic axis, six or fewer. */
function decades(_plot: uPlot, _axis: number, low: number, high: number): number[] {
  const [from, to] = [Math.round(Math.log10(low)), Math.round(Math.log10(high))];
  const every = Math.ceil((to - from + 1) / 6);
  return Array.from(
    { length: Math.floor((to - from) / every) + 1 },
    (_, i) => 10 ** (from + i * every),
  );
}
