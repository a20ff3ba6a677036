/** What a network says of each test image. */
import { argmax, type Module, type Tensor } from 'evenkeel';
import type { Batch } from 'evenkeel/data';

export interface Prediction {
  /** The class with the largest probability. */
  answer: number;
  /** Its probability, by softmax. */
  confidence: number;
}

/** The predictions of the images in all batches, in order. */
export function predictionsOf(network: Module, batches: Iterable<Batch>): Prediction[] {
  const predictions: Prediction[] = [];
  for (const { inputs } of batches) {
    const scores: Tensor = network.predict(inputs);
    const classes = scores.shape[1]!;
    const values = scores.toArray();
    for (const [i, answer] of argmax(scores).entries()) {
      const row = values.subarray(i * classes, (i + 1) * classes);
      const sum = row.reduce((total, score) => total + Math.exp(score - row[answer]!), 0);
      predictions.push({ answer, confidence: 1 / sum });
    }
  }
  return predictions;
}

/** The share of right answers. */
export function accuracyOf(predictions: readonly Prediction[], targets: ArrayLike<number>): number {
  return predictions.filter(({ answer }, i) => answer === targets[i]).length / predictions.length;
}

/** How many images of each class, the first index, got each answer, the second. */
export function confusionOf(
  predictions: readonly Prediction[],
  targets: ArrayLike<number>,
): number[][] {
  const counts = Array.from({ length: 10 }, () => new Array<number>(10).fill(0));
  for (const [i, { answer }] of predictions.entries()) counts[targets[i]!]![answer]!++;
  return counts;
}

/** The first image of each class that got the right answer. */
export function firstRight(
  predictions: readonly Prediction[],
  targets: ArrayLike<number>,
): number[] {
  const first = new Map<number, number>();
  for (const [i, { answer }] of predictions.entries()) {
    if (answer === targets[i] && !first.has(answer)) first.set(answer, i);
  }
  return [...first].sort(([a], [b]) => a - b).map(([, i]) => i);
}

/** The images with a wrong answer, those with the most confident answers first. */
export function surestWrong(
  predictions: readonly Prediction[],
  targets: ArrayLike<number>,
  count: number,
): number[] {
  return predictions
    .flatMap(({ answer, confidence }, i) => (answer === targets[i] ? [] : [{ i, confidence }]))
    .sort((a, b) => b.confidence - a.confidence || a.i - b.i)
    .slice(0, count)
    .map(({ i }) => i);
}
