import { extra } from '../../runtime/extra.ts';
import { type Shape, sameShape, shapeText } from '../../tensor/shape.ts';
import type { Part } from './part.ts';
import type { Passes } from './passes.ts';

/** Batch norm's passes with a mask of the positions that count, and the checks of the mask. */
export interface Masking extends Passes {
  checkShape(who: string, mask: Shape | undefined, shape: Shape, channelsLast: boolean): void;
  count(who: string, parts: readonly Part[], mask: ArrayLike<number>, ofBatch: boolean): void;
}

export const MASKING: Masking = {
  /** @throws RangeError unless the mask has the input's shape without the channels */
  checkShape(who, mask, shape, channelsLast) {
    const expected = channelsLast ? shape.slice(0, -1) : [shape[0]!, ...shape.slice(2)];
    if (mask && sameShape(mask, expected)) return;
    const got = mask ? shapeText(mask) : 'none: call forward([x, mask])';
    throw new RangeError(
      `${who}: mask expected ${shapeText(expected)} for an input of ${shapeText(shape)}, got ${got}`,
    );
  },

  /**
   * Notes how many positions of each part count.
   *
   * @throws RangeError for numbers other than 0 and 1, and if fewer than two positions are left for the
   *   batch's statistics
   */
  count(who, parts, mask, ofBatch) {
    for (const part of parts) {
      const { position, positions } = part;
      const end = position + positions;
      const count = onesOf(mask, position, end);
      if (count < 0) {
        let i = position;
        while (mask[i] === 0 || mask[i] === 1) i++;
        throw new RangeError(`${who}: mask expected 0 and 1, got ${mask[i]} at [${i}]`);
      }
      if (ofBatch && count < 2) {
        throw new RangeError(
          `${who}: mask expected to leave two positions or more for the statistics` +
            `${parts.length > 1 ? ' of each ghost' : ''}, got ${count} of ${positions}: ` +
            'use a larger batch, or eval() or predict()',
        );
      }
      part.m = count;
    }
  },

  statistics({ statistics, x, mask, shape, m, c, scratch }, eps) {
    extra().batchNormMaskedStatistics(statistics, x, mask, shape, m, eps, 0, c, scratch);
  },

  forward({ y, coefficients, x, mask, shape, n }) {
    extra().batchNormMaskedForward(y, coefficients, x, mask, shape, 0, n);
  },

  sums({ coefficients, dy, x, mask, shape, c, scratch }) {
    extra().batchNormMaskedBackwardSums(coefficients, dy, x, mask, shape, 0, c, scratch);
  },

  backward({ dx, coefficients, dy, x, mask, shape, n, scratch }) {
    extra().batchNormMaskedBackward(dx, coefficients, dy, x, mask, shape, 0, n, scratch);
  },

  frozenBackward({ dx, coefficients, dy, mask, shape, n, scratch }) {
    extra().batchNormMaskedFrozenBackward(dx, coefficients, dy, mask, shape, 0, n, scratch);
  },
};

/** How many of the numbers in [from, to) are 1; −1 if one of them is neither 0 nor 1. */
function onesOf(mask: ArrayLike<number>, from: number, to: number): number {
  let sum = 0;
  let odd = 0;
  let i = from;
  for (; i + 4 <= to; i += 4) {
    const a = mask[i]!;
    const b = mask[i + 1]!;
    const c = mask[i + 2]!;
    const d = mask[i + 3]!;
    sum += a + b + (c + d);
    odd += Math.abs(a - a * a) + Math.abs(b - b * b) + (Math.abs(c - c * c) + Math.abs(d - d * d));
  }
  for (; i < to; i++) {
    const v = mask[i]!;
    sum += v;
    odd += Math.abs(v - v * v);
  }
  return odd === 0 ? sum : -1;
}
