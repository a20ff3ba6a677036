import { describe, shapeText, sizeOf } from '../tensor/check.ts';
import { type Input, inputShape, inputValues } from '../tensor/tensor.ts';

/**
 * The place of the largest entry along axis 1: for [N, C] an Int32Array of N, for [N, C, d…] of N·d….
 * Of equal entries the first counts; NaN counts as the largest, as in PyTorch.
 *
 * @throws RangeError unless there are at least two axes
 */
export function argmax(scores: Input): Int32Array {
  const { values, count, classes, inner } = layoutOf('argmax', scores);
  return Int32Array.from({ length: count }, (_, i) => bestOf(values, i, classes, inner));
}

/** Scores seen as `count` positions, each with `classes` scores that stand `inner` apart. */
function layoutOf(who: string, scores: Input) {
  const shape = inputShape(who, scores);
  if (shape.length < 2 || shape[1] === 0) {
    throw new RangeError(`${who}: expected [N, C] or [N, C, d…], got ${shapeText(shape)}`);
  }
  const [n, classes, ...rest] = shape as [number, number, ...number[]];
  const inner = sizeOf(rest);
  return { values: inputValues(scores), count: n * inner, classes, inner };
}

/** The class with the largest score at position i. */
function bestOf(values: ArrayLike<number>, i: number, classes: number, inner: number): number {
  const start = Math.floor(i / inner) * classes * inner + (i % inner);
  let best = 0;
  let largest = values[start]!;
  for (let c = 1; c < classes && !Number.isNaN(largest); c++) {
    const value = values[start + c * inner]!;
    if (value > largest || Number.isNaN(value)) {
      largest = value;
      best = c;
    }
  }
  return best;
}

/**
 * The share of predictions whose largest entry is the target: (1/N)·Σ [argmax(logitsᵢ) = targetᵢ].
 *
 * @param logits [N, C] or [N, C, d…]
 * @param targets classes: N or N·d… whole numbers
 * @throws RangeError where their numbers differ
 */
export function accuracy(logits: Input, targets: ArrayLike<number>): number {
  const { values, count, classes, inner } = layoutOf('accuracy', logits);
  if (targets?.length !== count) {
    throw new RangeError(
      `accuracy: expected ${count} targets, got ${targets?.length ?? describe(targets)}`,
    );
  }
  let right = 0;
  for (let i = 0; i < count; i++) if (bestOf(values, i, classes, inner) === targets[i]) right++;
  return right / count;
}
