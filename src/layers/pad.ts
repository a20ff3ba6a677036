import type { Use } from '../graph/node.ts';
import { Leaf } from '../module/leaf.ts';
import { stepsOf } from '../ops/loops.ts';
import { connectMove, differentiateMove, type MoveMemo, runMove } from '../ops/move.ts';
import { checkInteger, checkNumber, MAX_SIZE, unexpected } from '../tensor/check.ts';
import { type Shape, shapeText } from '../tensor/shape.ts';

/** How many positions are added on each side, in PyTorch's order; negative numbers take positions away. */
export type Sides = readonly [left: number, right: number, top: number, bottom: number];

/**
 * Puts a margin of one value round each plane, or with negative numbers takes positions away.
 *
 * ```ts
 * new ConstantPad2d([1, 2, 0, 0], 0.5)   // a column on the left, two on the right
 * new ConstantPad2d(-1, 0)               // without the outermost rows and columns
 * ```
 *
 * Shape: [N, C, H, W] → [N, C, H + top + bottom, W + left + right]. As PyTorch's `nn.ConstantPad2d`.
 *
 * @throws TypeError or RangeError for a padding or value of another kind; in `forward` for another rank, or if
 *   nothing of the input is left
 */
export class ConstantPad2d extends Leaf<MoveMemo> {
  /** @internal */
  readonly sides: Sides;

  /**
   * @param padding one number for all sides, or `[left, right, top, bottom]`
   * @param value of the margin
   */
  constructor(
    padding: number | Sides,
    /** @internal */
    readonly value: number,
    ...rest: []
  ) {
    super(...rest);
    const who = this.constructor.name;
    checkNumber(who, 'value', value, -Infinity, Infinity);
    const sides: readonly number[] = Array.isArray(padding) ? [...padding] : Array(4).fill(padding);
    if (sides.length !== 4) {
      throw unexpected(`${who}: padding`, 'a number or [left, right, top, bottom]', padding);
    }
    for (const side of sides) checkInteger(who, 'padding', side, -MAX_SIZE, MAX_SIZE);
    this.sides = sides as unknown as Sides;
  }

  connect(use: Use<MoveMemo>, shape: Shape): Shape {
    const [left, right, top, bottom] = this.sides;
    const [n, c, h, w] = shape as [number, number, number, number];
    // What is left of the input before the margin is added.
    const rows = h + Math.min(top, 0) + Math.min(bottom, 0);
    const columns = w + Math.min(left, 0) + Math.min(right, 0);
    if (shape.length !== 4 || rows < 1 || columns < 1) {
      const least = shape.length !== 4 ? '[N, C, H, W]' : 'larger than what is taken away';
      throw new RangeError(`${this}: input expected ${least}, got ${shapeText(shape)}`);
    }
    const output = [n, c, h + top + bottom, w + left + right];
    const [height, width] = output.slice(2) as [number, number];
    const part = {
      shape: [n, c, rows, columns],
      y: {
        from: Math.max(top, 0) * width + Math.max(left, 0),
        steps: stepsOf(output, output),
      },
      x: { from: Math.max(-top, 0) * w + Math.max(-left, 0), steps: stepsOf(shape, shape) },
    };
    const planes = n * c;
    connectMove(use, part, { y: planes * height * width, x: planes * h * w }, this.value);
    return output;
  }

  run(use: Use<MoveMemo>): void {
    runMove(use);
  }

  runBackward(use: Use<MoveMemo>): void {
    differentiateMove(use);
  }

  override toString(): string {
    const { sides } = this;
    const padding = sides.every((side) => side === sides[0]) ? sides[0] : shapeText(sides);
    const value = this instanceof ZeroPad2d ? '' : `, ${this.value}`;
    return `${this.constructor.name}(${padding}${value})`;
  }
}

/**
 * Puts a margin of zeros round each plane, or with negative numbers takes positions away: `ConstantPad2d` with
 * the value 0. As PyTorch's `nn.ZeroPad2d`.
 *
 * @throws TypeError or RangeError for a padding of another kind; in `forward` for another rank, or if nothing of
 *   the input is left
 */
export class ZeroPad2d extends ConstantPad2d {
  /** @param padding one number for all sides, or `[left, right, top, bottom]` */
  constructor(padding: number | Sides, ...rest: []) {
    super(padding, 0, ...rest);
  }
}
