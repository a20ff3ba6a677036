/** What several experiments tell in the same way. */
import { type Line, lineChart } from '../../shared/charts.ts';
import type { Figure, Measured, Result } from '../experiment.ts';
import { stepsTo, type Trained } from '../training.ts';

/** The numbers and curves of a training. */
export function measuredOf(trained: Trained, goal = 0.85): Measured {
  const { accuracy, testLoss, failed, losses, testLosses, accuracies } = trained;
  return {
    numbers: {
      accuracy,
      testLoss: failed ? null : testLoss,
      stepsToGoal: stepsTo(goal, trained),
      failed: failed ? 1 : 0,
    },
    curves: { losses: finite(losses), testLosses: finite(testLosses), accuracies },
  };
}

const finite = (points: readonly { x: number; y: number }[]) =>
  points.filter(({ y }) => Number.isFinite(y));

/** Numbers of results that belong to the same variant; `absent` stands for what was not measured. */
export function numbers(results: readonly Result[], name: string, absent = Number.NaN): number[] {
  return results.map(({ measured }) => measured.numbers?.[name] ?? absent);
}

/** A curve of all results, as one chart. */
export function curveFigure(
  results: readonly Result[],
  curve: string,
  seriesOf: (result: Result) => string,
  figure: Omit<Figure, 'svg'> & {
    y: { label: string; type?: 'log'; domain?: number[]; tickFormat?: string };
  },
): Figure {
  const lines: Line[] = results.flatMap((result) =>
    (result.measured.curves?.[curve] ?? []).map(({ x, y }) => ({
      ...{ x, y },
      series: seriesOf(result),
      run: result.run.seed,
    })),
  );
  const { name, caption, y } = figure;
  return { name, caption, svg: lineChart(lines, { x: { label: 'step' }, y }) };
}

/** '1,240', or 'not reached'. */
export function stepsText(values: readonly number[]): string {
  const reached = values.filter((value) => Number.isFinite(value));
  if (reached.length === 0) return 'not reached';
  const mean = reached.reduce((sum, value) => sum + value, 0) / reached.length;
  const missed = values.length - reached.length;
  return `${Math.round(mean).toLocaleString('en')}${missed ? ` (${missed} of ${values.length} never)` : ''}`;
}
