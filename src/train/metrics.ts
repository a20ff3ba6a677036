import { describe } from '../tensor/check.ts';
import { numbersOf } from '../tensor/numbers.ts';
import { read } from '../tensor/reading.ts';
import { shapeText, sizeOf } from '../tensor/shape.ts';
import type { Input } from '../tensor/tensor.ts';

/**
 * The index of the largest element along axis 1. Of equal elements the first is taken, and NaN counts as
 * the largest, as in PyTorch.
 *
 * @param scores [N, C] or [N, C, d…]
 * @returns N or N·d… indices
 * @throws RangeError if there are fewer than two axes, or if C is 0
 */
export function argmax(scores: Input): Int32Array {
  const { values, count, classes, inner } = layoutOf('argmax', scores);
  return Int32Array.from({ length: count }, (_, i) => bestOf(values, i, classes, inner));
}

/** @internal The layout of scores: `count` positions, each with `classes` scores at a stride of `inner`. */
export function layoutOf(who: string, scores: Input) {
  const { shape, values } = read(who, scores);
  if (shape.length < 2 || shape[1] === 0) {
    throw new RangeError(`${who}: expected [N, C] or [N, C, d…], got ${shapeText(shape)}`);
  }
  const [n, classes, ...rest] = shape as [number, number, ...number[]];
  const inner = sizeOf(rest);
  return { values, count: n * inner, classes, inner };
}

/** @internal Where the scores of position i begin. */
export function startOf(i: number, classes: number, inner: number): number {
  return Math.floor(i / inner) * classes * inner + (i % inner);
}

/** @internal The class with the largest score at position i. NaN counts as the largest. */
export function bestOf(
  values: ArrayLike<number>,
  i: number,
  classes: number,
  inner: number,
): number {
  const start = startOf(i, classes, inner);
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
 * The fraction of predictions whose largest logit is that of the target: (1/N)·Σ [argmax(logitsᵢ) = targetᵢ].
 * A prediction with NaN among its logits is wrong.
 *
 * @param logits [N, C] or [N, C, d…]
 * @param targets the classes: N or N·d… whole numbers
 * @param ignoreIndex the target of positions that do not count. Default −100, as `CrossEntropyLoss`
 * @returns NaN if no position counts
 * @throws RangeError if the number of targets does not match the logits
 */
export function accuracy(logits: Input, targets: ArrayLike<number>, ignoreIndex?: number): number {
  const { right, counted } = hits(logits, targets, ignoreIndex);
  return right / counted;
}

/** @internal How many predictions are right, of how many that count. */
export interface Hits {
  readonly right: number;
  readonly counted: number;
}

/** @internal Counts the predictions that are right. */
export function hits(logits: Input, targets: ArrayLike<number>, ignoreIndex = -100): Hits {
  const { values, count, classes, inner } = layoutOf('accuracy', logits);
  if (targets?.length !== count) {
    throw new RangeError(
      `accuracy: expected ${count} targets, got ${targets?.length ?? describe(targets)}`,
    );
  }
  const numbers = numbersOf('accuracy: targets', targets);
  let right = 0;
  let counted = 0;
  for (let i = 0; i < count; i++) {
    const target = numbers[i]!;
    if (target === ignoreIndex) continue;
    counted++;
    const best = bestOf(values, i, classes, inner);
    const score = values[startOf(i, classes, inner) + best * inner];
    if (best === target && !Number.isNaN(score)) right++;
  }
  return { right, counted };
}
