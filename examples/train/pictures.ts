/** The report's confusion matrices, and its images with the networks' answers. */
import { escaped } from '../shared/html.ts';
import { encodePng } from './png.ts';
import { confusionOf, type Prediction } from './predictions.ts';
import type { Result } from './train.ts';

export interface TestImages {
  /** Bytes, 28 × 28 of each image. */
  pixels: Uint8Array;
  targets: Uint8Array;
  classNames: readonly string[];
}

const SIDE = 28;

/** How many images of each class, the rows, got which answer, the columns. */
export function matrixOf(
  { name, predictions }: Result,
  { targets, classNames }: TestImages,
): string {
  const rows = confusionOf(predictions, targets).map((counts, target) => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    const cells = counts.map((count, answer) => {
      if (count === 0) return '<td></td>';
      const colour = answer === target ? '0 114 178' : '213 94 0';
      // The square root makes rare mistakes visible. Text stays legible on 80 % of the colour.
      const opacity = (0.8 * Math.sqrt(count / total)).toFixed(2);
      return `<td style="background:rgb(${colour} / ${opacity})">${count}</td>`;
    });
    return `<tr><th scope="row">${escaped(classNames[target]!)}</th>${cells.join('')}</tr>`;
  });
  const head = classNames.map((text) => `<th scope="col"><span>${escaped(text)}</span></th>`);
  return `<table class="matrix"><caption>${escaped(name)}</caption>
<tr><td></td>${head.join('')}</tr>
${rows.join('\n')}
</table>`;
}

/** The two classes that are mistaken for each other most often, as a sentence. */
export function worstConfusion(
  { name, predictions }: Result,
  { targets, classNames }: TestImages,
): string {
  const counts = confusionOf(predictions, targets);
  const pairs = counts.flatMap((row, target) =>
    row.map((count, answer) => ({ target, answer, count: target === answer ? 0 : count })),
  );
  const { target, answer, count } = pairs.reduce((a, b) => (b.count > a.count ? b : a));
  if (count === 0) return `The network ${name} made no mistake.`;
  const total = counts[target]!.reduce((sum, n) => sum + n, 0);
  return `The most frequent mistake of the network ${name}: ${count} of ${total} images of class “${classNames[target]}” got the answer “${classNames[answer]}”.`;
}

/** The images with these indices, each with its class and the answers of all networks. */
export function galleryOf(
  indices: readonly number[],
  results: readonly Result[],
  { pixels, targets, classNames }: TestImages,
): string {
  const cards = indices.map((i) => {
    const image = pixels.subarray(i * SIDE * SIDE, (i + 1) * SIDE * SIDE);
    const source = `data:image/png;base64,${encodePng(image, SIDE, SIDE).toString('base64')}`;
    const name = classNames[targets[i]!]!;
    const answers = results.map((result) => answerOf(result, result.predictions[i]!));
    return `<li><img src="${source}" width="84" height="84" alt="test image ${i}">
<strong>${escaped(name)}</strong>${answers.join('')}</li>`;

    function answerOf(result: Result, { answer, confidence }: Prediction): string {
      const right = answer === targets[i];
      const who = results.length > 1 ? `${result.name.replace(' batch norm', '')}: ` : '';
      const text = `${classNames[answer]} ${Math.round(100 * confidence)} %`;
      return `<span class="${right ? 'right' : 'wrong'}">${right ? '✓' : '✗'} ${escaped(who + text)}</span>`;
    }
  });
  return `<ul class="gallery">\n${cards.join('\n')}\n</ul>`;
}
