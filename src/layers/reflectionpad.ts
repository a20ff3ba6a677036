import { Module } from '../module/module.ts';
import { concat } from '../ops/concat.ts';
import { slice } from '../ops/slice.ts';
import { checkInteger, MAX_SIZE, unexpected } from '../tensor/check.ts';
import { shapeText } from '../tensor/shape.ts';
import type { Input, Tensor } from '../tensor/tensor.ts';
import type { Sides } from './pad.ts';

/**
 * Puts a margin round each plane that mirrors it at its outermost rows and columns, which are not repeated:
 *
 *   2 1 │ 0 1 2 3 │ 2 1
 *
 * ```ts
 * new ReflectionPad2d(2)                   // [N, C, H, W] → [N, C, H + 4, W + 4]
 * new ReflectionPad2d([1, 0, 0, 0])        // a column on the left
 * ```
 *
 * Shape: [N, C, H, W] → [N, C, H + top + bottom, W + left + right]. As PyTorch's `nn.ReflectionPad2d`. The margin is
 * made row by row and column by column: it is meant to be narrow.
 *
 * @throws TypeError or RangeError for a padding of another kind; in `forward` for another rank, or for a side that is
 *   not narrower than the plane
 */
export class ReflectionPad2d extends Module {
  /** @internal */
  readonly sides: Sides;

  /** @param padding one number for all sides, or `[left, right, top, bottom]` */
  constructor(padding: number | Sides, ...rest: []) {
    super(...rest);
    const who = 'ReflectionPad2d';
    const sides: readonly number[] = Array.isArray(padding) ? [...padding] : Array(4).fill(padding);
    if (sides.length !== 4) {
      throw unexpected(`${who}: padding`, 'a number or [left, right, top, bottom]', padding);
    }
    for (const side of sides) checkInteger(who, 'padding', side, 0, MAX_SIZE);
    this.sides = sides as unknown as Sides;
  }

  override forward(x: Input): Tensor {
    const [left, right, top, bottom] = this.sides;
    const [, , h, w] = x.shape as [number, number, number, number];
    if (x.shape.length !== 4 || Math.max(left, right) >= w || Math.max(top, bottom) >= h) {
      throw new RangeError(
        `${this}: input expected [N, C, H, W], larger than each side's padding, got ${shapeText(x.shape)}`,
      );
    }
    return mirrored(mirrored(x as Tensor, 3, left, right), 2, top, bottom);
  }

  override toString(): string {
    const { sides } = this;
    const padding = sides.every((side) => side === sides[0]) ? sides[0] : shapeText(sides);
    return `ReflectionPad2d(${padding})`;
  }
}

/** x with its lines `before` … 1 before it, and those from the last but one on behind it. */
function mirrored(x: Tensor, axis: number, before: number, after: number): Tensor {
  if (before + after === 0) return x;
  const length = x.shape[axis]!;
  const line = (i: number) => slice(x, axis, i, i + 1);
  const first = Array.from({ length: before }, (_, i) => line(before - i));
  const last = Array.from({ length: after }, (_, i) => line(length - 2 - i));
  return concat([...first, x, ...last], axis);
}
