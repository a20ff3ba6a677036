/** The charts of the page, each with the data that it shows. */
import { finite, History } from '../page/history.ts';
import { short } from '../page/numbers.ts';
import { colour, faint } from '../page/theme.ts';
import { type LayerReport, PERCENTILES, type Report, type Which } from '../protocol.ts';
import { Chart, line } from './chart.ts';

const percent = (value: number): string => `${Math.round(100 * value)} %`;

/** Test and training values of both networks over steps. */
export class Curves {
  private readonly histories: Record<Which, History> = { a: new History(2), b: new History(2) };
  private readonly chart: Chart;

  constructor(
    host: HTMLElement,
    label: string,
    private readonly value: (of: { loss: number; accuracy: number }) => number,
    y: { fraction?: boolean; log?: boolean },
  ) {
    this.chart = new Chart(host, {
      label,
      series: [
        line('b', { width: 1, stroke: () => faint('b', 0.45) }),
        line('a', { width: 1, stroke: () => faint('a', 0.45) }),
        line('b', { dash: [7, 3] }),
        line('a'),
      ],
      y: y.fraction ? { range: () => [0, 1], format: percent } : { log: y.log ?? false },
    });
  }

  add(which: Which, { step, train, test }: Report): void {
    this.histories[which].push(step, [this.value(train), this.value(test)]);
    this.chart.set(() => joined(this.histories.a.columns, this.histories.b.columns));
  }

  dispose(): void {
    this.chart.dispose();
  }
}

/** Two tables over steps as one: steps, training b and a, test b and a. */
export function joined(a: (number | null)[][], b: (number | null)[][]): (number | null)[][] {
  const steps = [...new Set([...(a[0] ?? []), ...(b[0] ?? [])])].sort((x, y) => x! - y!);
  const lookUp = (columns: (number | null)[][], i: number): (number | null)[] => {
    const values = new Map(columns[0]?.map((step, row) => [step, columns[i]![row]!]));
    return steps.map((step) => values.get(step) ?? null);
  };
  return [steps, lookUp(b, 1), lookUp(a, 1), lookUp(b, 2), lookUp(a, 2)];
}

/** Where to look: at what goes into an activation, or at what comes out. */
export type Side = 'before' | 'after';

/** Percentiles of a layer's values through training, as bands. */
export class Bands {
  private readonly histories: Record<Side, History> = {
    before: new History(PERCENTILES.length),
    after: new History(PERCENTILES.length),
  };
  private readonly chart: Chart;

  /** @param range the range of y, which a chart shares with its twin */
  constructor(
    host: HTMLElement,
    which: Which,
    label: string,
    private readonly side: () => Side,
    range: () => [number, number],
  ) {
    const none = { points: { show: false }, width: 0, stroke: 'transparent' };
    const last = PERCENTILES.length;
    this.chart = new Chart(host, {
      label,
      small: true,
      series: PERCENTILES.map((p) => (p === 50 ? line(which, { width: 1.5 }) : none)),
      bands: [0, 1, 2].map((i) => ({
        series: [last - i, 1 + i] as [number, number],
        fill: () => faint(which, 0.16 + 0.1 * i),
      })),
      y: { range },
    });
  }

  /** The lowest and highest of what is shown. */
  get extent(): [number, number] {
    const columns = this.histories[this.side()].columns.slice(1);
    const low = Math.min(...(columns[0] ?? []).map((v) => v ?? 0));
    const high = Math.max(...(columns.at(-1) ?? []).map((v) => v ?? 0));
    return [low, high];
  }

  add(step: number, { before, after }: LayerReport): void {
    this.histories.before.push(step, before.percentiles);
    this.histories.after.push(step, after.percentiles);
    this.show();
  }

  show(): void {
    this.chart.set(() => this.histories[this.side()].columns);
  }

  dispose(): void {
    this.chart.dispose();
  }
}

/** The norm of the gradient at each layer, of both networks. */
export class Gradients {
  private readonly norms: Partial<Record<Which, (number | null)[]>> = {};
  private readonly chart: Chart;

  constructor(
    host: HTMLElement,
    private readonly depth: number,
  ) {
    const dots = (which: Which) =>
      line(which, {
        ...(which === 'b' && { dash: [7, 3] }),
        points: { show: true, size: 8, fill: () => colour(which), stroke: () => colour('surface') },
      });
    this.chart = new Chart(host, {
      label: 'Gradient norm by layer',
      series: [dots('b'), dots('a')],
      x: { range: () => [0.6, depth + 0.4], whole: true, format: (v) => (v % 1 ? '' : String(v)) },
      y: { log: true },
    });
  }

  add(which: Which, { layers }: Report): void {
    this.norms[which] = layers.map(({ gradientNorm }) =>
      gradientNorm > 0 ? finite(gradientNorm) : null,
    );
    const numbers = Array.from({ length: this.depth }, (_, i) => i + 1);
    const { a, b } = this.norms;
    this.chart.set(() => [numbers, b ?? numbers.map(() => null), a ?? numbers.map(() => null)]);
    const text = (of: typeof a): string =>
      (of ?? []).map((v) => (v === null ? '–' : short(v))).join(', ');
    this.chart.describe(`Gradient norm by layer; first network ${text(a)}; second ${text(b)}`);
  }

  dispose(): void {
    this.chart.dispose();
  }
}
