import { describe, shapeText } from './check.ts';
import { type Input, inputShape, inputValues } from './tensor.ts';

/**
 * The place of the largest entry along axis 1: for [N, C] an Int32Array of N, for [N, C, d…] of N·d….
 * Of equal entries the first counts; NaN counts as the largest, as in PyTorch.
 *
 * @throws RangeError unless there are at least two axes
 */
export function argmax(scores: Input): Int32Array {
  const shape = inputShape('argmax', scores);
  if (shape.length < 2 || shape[1] === 0) {
    throw new RangeError(`argmax: expected [N, C] or [N, C, d…], got ${shapeText(shape)}`);
  }
  const [n, classes, ...rest] = shape as [number, number, ...number[]];
  const inner = rest.reduce((product, extent) => product * extent, 1);
  const values = inputValues(scores);
  const best = new Int32Array(n * inner);
  for (let i = 0; i < best.length; i++) {
    const start = Math.floor(i / inner) * classes * inner + (i % inner);
    let largest = values[start]!;
    for (let c = 1; c < classes && !Number.isNaN(largest); c++) {
      const value = values[start + c * inner]!;
      if (value > largest || Number.isNaN(value)) {
        largest = value;
        best[i] = c;
      }
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
  const predicted = argmax(logits);
  if (targets?.length !== predicted.length) {
    throw new RangeError(
      `accuracy: expected ${predicted.length} targets, got ${targets?.length ?? describe(targets)}`,
    );
  }
  let right = 0;
  for (let i = 0; i < predicted.length; i++) if (predicted[i] === targets[i]) right++;
  return right / predicted.length;
}
