import type { Pointer } from '../../memory/memory.ts';
import { extra } from '../../runtime/extra.ts';
import { type Shape, sameShape, shapeText } from '../../tensor/check.ts';
import type { Part } from './ghosts.ts';

/** @internal Batch norm's passes where a mask says which positions count. */
export interface Masking {
  checkShape(who: string, mask: Shape | undefined, shape: Shape, channelsLast: boolean): void;
  count(who: string, parts: readonly Part[], mask: ArrayLike<number>, batch: boolean): void;
  statistics(
    k: Pointer,
    d: Pointer,
    r: Pointer,
    variance: Pointer,
    x: Pointer,
    mask: Pointer,
    part: Part,
    c: number,
    eps: number,
    totals: Pointer,
    scratch: Pointer,
  ): void;
  forward(
    y: Pointer,
    k: Pointer,
    a: Pointer,
    b: Pointer,
    x: Pointer,
    mask: Pointer,
    part: Part,
    c: number,
  ): void;
  sums(
    totals: Pointer,
    k: Pointer,
    dy: Pointer,
    x: Pointer,
    mask: Pointer,
    part: Part,
    c: number,
    scratch: Pointer,
  ): void;
  backward(
    dx: Pointer,
    k: Pointer,
    a: Pointer,
    p: Pointer,
    q: Pointer,
    dy: Pointer,
    x: Pointer,
    mask: Pointer,
    part: Part,
    c: number,
  ): void;
}

export const MASKING: Masking = {
  /** @throws RangeError unless the mask has the input's shape less its channels */
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
   * @throws RangeError for other numbers than 0 and 1, and where statistics are taken of less than two
   */
  count(who, parts, mask, batch) {
    for (const part of parts) {
      const { n, s, position } = part;
      const end = position + n * (s || 1);
      const count = onesOf(mask, position, end);
      if (count < 0) {
        let i = position;
        while (mask[i] === 0 || mask[i] === 1) i++;
        throw new RangeError(`${who}: mask expected 0 and 1, got ${mask[i]} at [${i}]`);
      }
      if (batch && count < 2) {
        throw new RangeError(
          `${who}: mask expected to leave two positions or more for the statistics` +
            `${parts.length > 1 ? ' of each ghost' : ''}, got ${count} of ${end - position}: ` +
            'use a larger batch, or eval() or predict()',
        );
      }
      part.m = count;
    }
  },

  statistics(k, d, r, variance, x, mask, { n, s, m }, c, eps, totals, scratch) {
    const { batchNormMaskedStatistics } = extra();
    batchNormMaskedStatistics(k, d, r, variance, x, mask, n, c, s, m, eps, 0, c, totals, scratch);
  },

  forward(y, k, a, b, x, mask, { n, s }, c) {
    extra().batchNormMaskedForward(y, k, a, b, x, mask, c, s, 0, n);
  },

  sums(totals, k, dy, x, mask, { n, s }, c, scratch) {
    extra().batchNormMaskedBackwardSums(totals, k, dy, x, mask, n, c, s, 0, c, scratch);
  },

  backward(dx, k, a, p, q, dy, x, mask, { n, s }, c) {
    extra().batchNormMaskedBackward(dx, k, a, p, q, dy, x, mask, c, s, 0, n);
  },
};

/** How many of the numbers in [from, to) are 1; −1 where one is neither 0 nor 1. Four at a time. */
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
