/** The report: one HTML file that contains its charts and images. */
import { escaped } from '../shared/html.ts';
import { galleryOf, matrixOf, type TestImages, worstConfusion } from './pictures.ts';
import { accuracyChart, distributionCharts, lossChart, SMOOTHING } from './plots.ts';
import { firstRight, surestWrong } from './predictions.ts';
import { percent } from './progress.ts';
import { STYLE } from './style.ts';
import { tableOf } from './table.ts';
import { GOAL, type Result } from './train.ts';

/** Epochs that the report's table has at most. The charts show all of them. */
const ROWS = 10;
/** Images with wrong answers. */
const WRONG = 10;

export interface Context {
  test: TestImages;
  conditions: Record<string, string>;
}

/** The page. Its numbers stay on the same line as their percent signs. */
export function reportOf(results: readonly Result[], { test, conditions }: Context): string {
  const best = results.reduce((a, b) => (b.epochs.at(-1)! > a.epochs.at(-1)! ? b : a));
  const right = firstRight(best.predictions, test.targets);
  const wrong = surestWrong(best.predictions, test.targets, WRONG);
  const mistakes = best.predictions.filter(({ answer }, i) => answer !== test.targets[i]).length;
  const title =
    results.length > 1 ? 'With and without batch normalization' : `A network ${results[0]!.name}`;
  const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>evenkeel: ${escaped(title.toLowerCase())}</title>
<style>${STYLE}</style>
<main>
<h1>${escaped(title)}</h1>
<p>${escaped(summaryOf(results))}</p>
<div class="scroll">${tableHtml(resultsTable(results))}</div>

<h2>Learning</h2>
<div class="pair">
<figure>${accuracyChart(results)}<figcaption>Test accuracy, before the first step, every 10 steps until ${100 * GOAL} % is reached, and then twice per epoch. Batch norm uses its running statistics.</figcaption></figure>
<figure>${lossChart(results)}<figcaption>The loss of the training batches, averaged over ${SMOOTHING} steps.</figcaption></figure>
</div>

<h2>Inside the layers</h2>
<p>What enters each ReLU, in the training batches of about 30 steps. The bands contain 98, 90 and 50 % of the values, and the line is the median. A ReLU passes what lies above the dashed line, and turns the rest into 0.${results.length > 1 ? ' The two charts of a layer have the same scale.' : ''} ${escaped(rangesOf(results))}</p>
<div class="pair">
${distributionCharts(results)
  .map((chart) => `<figure>${chart}</figure>`)
  .join('\n')}
</div>

<h2>Mistakes</h2>
<p>Each row has the test images of one class, and each column those that got one answer. Blue answers are right, and orange ones are wrong. ${escaped(worstConfusion(best, test))}</p>
<div class="pair">
${results.map((result) => `<div class="scroll">${matrixOf(result, test)}</div>`).join('\n')}
</div>

<h2>Images</h2>
<p>Each image has its class and, below, what ${results.length > 1 ? 'the networks take' : 'the network takes'} it for, with the probability that the softmax gives. The network ${escaped(best.name)} gave ${mistakes} of ${test.targets.length} test images a wrong answer.${results.length > 1 ? ' It is the better one, and the images were chosen by its answers.' : ''}</p>
${wrong.length > 0 ? `<h3>Wrong, and most confident</h3>\n${galleryOf(wrong, results, test)}` : ''}
<h3>Right: the first of each class</h3>
${galleryOf(right, results, test)}
</main>
<footer><dl>${Object.entries(conditions)
    .map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`)
    .join('')}</dl></footer>
</html>
`;
  return page.replaceAll(' %', '\u00a0%');
}

/** What came out, in a few sentences. */
function summaryOf(results: readonly Result[]): string {
  const epochs = results[0]!.epochs.length;
  const after = `after ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`;
  const scores = results.map(
    ({ name, epochs: reached }) => `the network ${name} recognizes ${percent(reached.at(-1)!)}`,
  );
  const goals = results.map(({ name, stepsToGoal }) =>
    stepsToGoal === undefined
      ? `was not reached ${name}`
      : `was reached after ${stepsToGoal} steps ${name}`,
  );
  const start =
    results.length > 1
      ? 'The same network was trained twice, with and without batch normalization, from the same initial weights and with the same images in the same order. '
      : '';
  return `${start}Before training, a network can only guess. ${capital(after)}, ${scores.join(', and ')} of the test images. ${100 * GOAL} % ${goals.join(', and ')}.`;
}

/** The range that the outer bands end with, over all layers, as a sentence. */
function rangesOf(results: readonly Result[]): string {
  const ranges = results.map(({ name, distributions }) => {
    const last = distributions.filter(({ step }) => step === distributions.at(-1)!.step);
    const low = Math.min(...last.map(({ levels }) => levels[0]!));
    const high = Math.max(...last.map(({ levels }) => levels.at(-1)!));
    return `${low.toFixed(1).replace('-', '−')} to ${high.toFixed(1)} ${name}`;
  });
  return `In the end, the outer bands of all layers lie in ${ranges.join(', and ')}.`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** A column for each network, which fits on a phone, and at most ten epochs, the last one included. */
function resultsTable(results: readonly Result[]): string[][] {
  const rows = tableOf(results);
  const [, untrained, ...lines] = rows[0]!.map((_, c) => rows.map((row) => row[c]!));
  const epochs = results[0]!.epochs.length;
  const every = Math.ceil(epochs / ROWS);
  const shown = lines
    .slice(0, epochs)
    .map(([name, ...cells]) => [`after ${name}`, ...cells])
    .filter((_, i) => (epochs - 1 - i) % every === 0);
  return [
    ['', ...results.map(({ name }) => name)],
    ['test accuracy, untrained', ...untrained!.slice(1)],
    ...shown,
    ...lines.slice(epochs),
  ];
}

function tableHtml([head, ...rows]: string[][]): string {
  const line = ([name, ...cells]: string[], tag: string) =>
    `<tr><th scope="row">${escaped(name!)}</th>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<table class="results">
${line(head!, 'th')}
${rows.map((row) => line(row, 'td')).join('\n')}
</table>`;
}
