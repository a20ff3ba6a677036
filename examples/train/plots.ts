/** The report's charts. They are so narrow that their text stays legible on a phone. */
import * as Plot from '@observablehq/plot';
import { bandChart, COLOURS, type Line, lineChart } from '../shared/charts.ts';
import { GOAL, type Point, type Result } from './train.ts';

const WIDTH = 440;
const HEIGHT = 290;
/** The height of the chart of one layer. */
const PANEL = 170;

/** The number of steps over which the chart averages the loss. */
export const SMOOTHING = 10;

export function accuracyChart(results: readonly Result[]): string {
  return lineChart(
    linesOf(results, ({ accuracies }) => accuracies),
    {
      ...sizes(results),
      y: { label: 'test accuracy', domain: [0, 1], tickFormat: '%' },
      marks: [Plot.ruleY([GOAL], { stroke: 'currentColor', strokeDasharray: '4,4' })],
      dots: true,
    },
  );
}

export function lossChart(results: readonly Result[]): string {
  return lineChart(
    linesOf(results, ({ losses }) => smooth(losses)),
    {
      ...sizes(results),
      y: { label: 'training loss', type: 'log', tickFormat: '~g' },
    },
  );
}

/** A chart for each activation of each network. The networks' charts of one activation have the same scale. */
export function distributionCharts(results: readonly Result[]): string[] {
  const count = results[0]!.distributions.filter(({ step }) => step === 1).length;
  return Array.from({ length: count }, (_, layer) => {
    const bands = results.map(({ name, distributions }) =>
      distributions
        .filter((_, i) => i % count === layer)
        .map(({ step, levels }) => ({ x: step, panel: `layer ${layer + 1}, ${name}`, levels })),
    );
    const all = bands.flat().flatMap(({ levels }) => levels);
    const domain = [Math.min(...all), Math.max(...all)];
    return bands.map((network, i) =>
      bandChart(network, {
        ...sizes(results),
        height: PANEL,
        y: { label: null, domain, ticks: 4 },
        marks: [Plot.ruleY([0], { stroke: 'currentColor', strokeDasharray: '4,4' })],
        colour: COLOURS[i]!,
      }),
    );
  }).flat();
}

function sizes(results: readonly Result[]) {
  const last = Math.max(...results.map(({ losses }) => losses.at(-1)!.step));
  return {
    width: WIDTH,
    height: HEIGHT,
    margins: { marginTop: 28, marginBottom: 38 },
    x: { label: 'step', domain: [0, last], ticks: 6 },
  };
}

function linesOf(
  results: readonly Result[],
  pointsOf: (result: Result) => readonly Point[],
): Line[] {
  return results.flatMap((result) =>
    pointsOf(result).map(({ step, value }) => ({ x: step, y: value, series: result.name })),
  );
}

/** The moving average of the loss, at no more than 300 points, because a chart cannot show more. */
function smooth(points: readonly Point[]): Point[] {
  const every = Math.ceil(points.length / 300);
  const smoothed: Point[] = [];
  for (let i = every - 1; i < points.length; i += every) {
    const window = points.slice(Math.max(0, i - SMOOTHING + 1), i + 1);
    const sum = window.reduce((total, { value }) => total + value, 0);
    smoothed.push({ step: points[i]!.step, value: sum / window.length });
  }
  return smoothed;
}
