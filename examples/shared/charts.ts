/** Charts as SVG text, readable on light and on dark pages. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

/** Colours that people with any colour vision can tell apart (Okabe and Ito, 2008). */
export const COLOURS = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#777777',
];

/** Pixels on the left, and above the frame for the name of the y axis. */
const MARGIN = 56;
const TOP = 26;

export interface Line {
  readonly x: number;
  readonly y: number;
  readonly series: string;
  /** Lines of the same series with another `run` are drawn apart. */
  readonly run?: string | number;
}

export interface ChartOptions {
  x: Plot.ScaleOptions;
  y: Plot.ScaleOptions;
  /** The order of the series. */
  series?: readonly string[];
  /** Pixels; default 720. */
  width?: number;
  /** Pixels; default 300. */
  height?: number;
  marks?: Plot.Markish[];
  margins?: Pick<Plot.PlotOptions, 'marginTop' | 'marginBottom'>;
  /** Whether points are marked with dots. */
  dots?: boolean;
}

/** One thin line for each run and a bold one for the mean of each series. */
export function lineChart(lines: readonly Line[], options: ChartOptions): string {
  const series = options.series ?? [...new Set(lines.map((line) => line.series))];
  const usual = frame(options);
  const { marks, height } = legend(series, usual.width! - 2 * MARGIN);
  return drawn({
    ...usual,
    height: usual.height! + height,
    marginTop: TOP + height,
    color: { domain: [...series], range: COLOURS },
    marks: [
      ...marks,
      ...(options.marks ?? []),
      Plot.lineY(lines, {
        x: 'x',
        y: 'y',
        z: (line: Line) => `${line.series} ${line.run ?? ''}`,
        stroke: 'series',
        strokeWidth: 0.75,
        strokeOpacity: 0.45,
        clip: true,
      }),
      Plot.lineY(means(lines), {
        x: 'x',
        y: 'y',
        stroke: 'series',
        strokeWidth: 2,
        clip: true,
        ...(options.dots ? { marker: 'dot' as const } : {}),
      }),
    ],
  });
}

export interface Band {
  readonly x: number;
  readonly panel: string;
  /** Percentiles 1, 5, 25, 50, 75, 95 and 99. */
  readonly levels: readonly number[];
}

/** Percentile bands over steps: 1–99, 5–95 and 25–75 %, and the median; one panel for each `panel`. */
export function bandChart(
  bands: readonly Band[],
  options: ChartOptions & { colour?: string },
): string {
  const area = (low: number, high: number, opacity: number) =>
    Plot.areaY(bands, {
      fx: 'panel',
      x: 'x',
      y1: (band: Band) => band.levels[low]!,
      y2: (band: Band) => band.levels[high]!,
      fill: options.colour ?? COLOURS[0]!,
      fillOpacity: opacity,
    });
  return drawn({
    ...frame(options),
    fx: { label: null, domain: options.series as string[] },
    marks: [
      ...(options.marks ?? []),
      area(0, 6, 0.18),
      area(1, 5, 0.25),
      area(2, 4, 0.4),
      Plot.lineY(bands, {
        fx: 'panel',
        x: 'x',
        y: (band: Band) => band.levels[3]!,
        stroke: 'currentColor',
        strokeWidth: 1.5,
      }),
    ],
  });
}

/** The names of the series above the chart, each in its colour, as a part of the SVG. */
function legend(
  series: readonly string[],
  width: number,
): { marks: Plot.Markish[]; height: number } {
  const ROW = 18;
  const places: { name: string; x: number; row: number }[] = [];
  let x = 0;
  let row = 0;
  for (const name of series) {
    const space = 26 + 6.6 * name.length; // about what 12 pixel letters need
    if (x > 0 && x + space > width) {
      row++;
      x = 0;
    }
    places.push({ name, x, row });
    x += space;
  }
  const height = (row + 1) * ROW;
  const marks = places.flatMap(({ name, x: dx, row: line }) => {
    const at = { frameAnchor: 'top-left', dy: -height + line * ROW + 2 } as const;
    const colour = COLOURS[series.indexOf(name) % COLOURS.length]!;
    return [
      Plot.dot([name], { ...at, dx: dx + 5, r: 5, symbol: 'square', fill: colour }),
      Plot.text([name], { ...at, dx: dx + 16, dy: at.dy - 5, text: [name], fill: 'currentColor' }),
    ];
  });
  return { marks, height };
}

/** Any plot as SVG text. */
export function drawn(options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const plot = Plot.plot({ ...options, document });
  return (plot as unknown as { outerHTML: string }).outerHTML;
}

function frame({ x, y, width = 720, height = 300, margins }: ChartOptions): Plot.PlotOptions {
  return {
    width,
    height,
    marginLeft: MARGIN,
    ...margins,
    style: { background: 'none', color: 'currentColor', fontSize: '12px' },
    x,
    y: { grid: true, ...y },
  };
}

/** The means of each series over its runs, where all of them have a value. */
function means(lines: readonly Line[]): Line[] {
  const sums = new Map<string, { line: Line; sum: number; count: number }>();
  for (const line of lines) {
    if (!Number.isFinite(line.y)) continue;
    const key = `${line.series} ${line.x}`;
    const entry = sums.get(key) ?? { line, sum: 0, count: 0 };
    entry.sum += line.y;
    entry.count++;
    sums.set(key, entry);
  }
  return [...sums.values()]
    .map(({ line: { x, series }, sum, count }) => ({ x, series, y: sum / count }))
    .sort((a, b) => a.x - b.x);
}
