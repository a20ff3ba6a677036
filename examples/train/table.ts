import { percent } from './progress.ts';
import { GOAL, type Result } from './train.ts';

/** The rows of the comparison. The first row is the header. */
export function tableOf(results: readonly Result[]): string[][] {
  const epochs = results[0]!.epochs.map((_, i) => `epoch ${i + 1}`);
  return [
    ['test accuracy after', ...epochs, `steps to ${100 * GOAL} %`, 'images/s'],
    ...results.map((result) => [
      result.name,
      ...result.epochs.map(percent),
      stepsText(result),
      result.imagesPerSecond.toFixed(0),
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
