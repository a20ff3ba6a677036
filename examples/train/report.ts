/** The report: one HTML file that contains its charts. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { tableOf } from './table.ts';
import { GOAL, type Point, type Result } from './train.ts';

/** The number of steps over which the chart averages the loss. */
const SMOOTHING = 10;

export function reportOf(results: readonly Result[], conditions: Record<string, string>): string {
  const accuracy = drawing(results, (result) => result.accuracies, {
    y: { label: 'test accuracy', domain: [0, 1], tickFormat: '%', grid: true },
    marks: [Plot.ruleY([GOAL], { stroke: '#999', strokeDasharray: '4,4' })],
    marker: true,
  });
  const loss = drawing(results, (result) => smooth(result.losses), {
    y: {
      label: `training loss, mean of ${SMOOTHING} steps`,
      type: 'log',
      tickFormat: '~g',
      grid: true,
    },
    marks: [],
    marker: false,
  });
  const [head, ...rows] = tableOf(results).map((row) => row.map(escaped));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>evenkeel: with and without batch normalization</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
  table { border-collapse: collapse; }
  th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #ddd; font-variant-numeric: tabular-nums; }
  th:first-child, td:first-child { text-align: left; padding-left: 0; }
  svg { max-width: 100%; height: auto; }
  figure { margin: 1.5rem 0; }
  footer { color: #666; font-size: .875rem; }
</style>
<h1>With and without batch normalization</h1>
<table>
<tr>${head!.map((cell) => `<th>${cell}</th>`).join('')}</tr>
${rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n')}
</table>
${accuracy}
<p>Measured with running statistics: every 10 steps until ${100 * GOAL} % are reached, then twice per epoch.</p>
${loss}
<footer>${Object.entries(conditions)
    .map(([name, value]) => `${escaped(name)} ${escaped(value)}`)
    .join(', ')}</footer>
</html>
`;
}

interface Drawing {
  y: Plot.ScaleOptions;
  marks: Plot.Markish[];
  marker: boolean;
}

/** A chart with one curve per network, as HTML. */
function drawing(
  results: readonly Result[],
  pointsOf: (result: Result) => Point[],
  { y, marks, marker }: Drawing,
): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const points = results.flatMap((result) =>
    pointsOf(result).map((point) => ({ ...point, network: result.name })),
  );
  const last = Math.max(...points.map(({ step }) => step));
  const plot = Plot.plot({
    document,
    width: 720,
    height: 320,
    marginLeft: 50,
    x: { label: 'step', domain: [0, last] },
    y,
    color: { legend: true, domain: results.map(({ name }) => name), range: ['#1f6feb', '#d9730d'] },
    marks: [
      ...marks,
      Plot.lineY(points, { x: 'step', y: 'value', stroke: 'network', marker, strokeWidth: 1.5 }),
    ],
  });
  return (plot as unknown as { outerHTML: string }).outerHTML;
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

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
