import { percent } from './progress.ts';
import { GOAL, type Result } from './train.ts';

/** The rows of the comparison. The first row is the header. */
export function tableOf(results: readonly Result[]): string[][] {
  const epochs = results[0]!.epochs.map((_, i) => `epoch ${i + 1}`);
  return [
    ['test accuracy', 'untrained', ...epochs, `steps to ${100 * GOAL} %`, 'images/s', 'wall time'],
    ...results.map((result) => [
      result.name,
      percent(result.untrained),
      ...result.epochs.map(percent),
      stepsText(result),
      result.imagesPerSecond.toFixed(0),
      timeText(result.seconds),
    ]),
  ];
}

/** The table as text with aligned columns. */
export function tableText(rows: readonly string[][]): string {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!)))
        .join('  '),
    )
    .join('\n');
}

function stepsText({ stepsToGoal }: Result): string {
  return stepsToGoal === undefined ? 'not reached' : `${stepsToGoal}`;
}

/** '2.4 s', '38 s', '12 min 05 s' */
export function timeText(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${`${whole % 60}`.padStart(2, '0')} s`;
}
