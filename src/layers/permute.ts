import type { Use } from '../graph/node.ts';
import { Leaf } from '../module/leaf.ts';
import { isInOrder, stepsOf } from '../ops/loops.ts';
import { connectMove, differentiateMove, type MoveMemo, runMove } from '../ops/move.ts';
import { copyGradient } from '../ops/view.ts';
import { checkInteger, unexpected } from '../tensor/check.ts';
import { type Shape, shapeText } from '../tensor/shape.ts';

/**
 * Puts the axes into another order: axis i of the output is axis `dims[i]` of the input.
 *
 * ```ts
 * new Permute([0, 2, 3, 1])    // [N, C, H, W] → [N, H, W, C]
 * ```
 *
 * As `Tensor.permute` of PyTorch and `Permute` of torchvision. If only axes of length 1 change places, it costs
 * nothing.
 *
 * @throws RangeError if `dims` does not name each axis once; in `forward` for another rank
 */
export class Permute extends Leaf<MoveMemo | undefined> {
  private readonly dims: readonly number[];

  /** @param dims all axes; negative ones count from the last */
  constructor(dims: readonly number[], ...rest: []) {
    super(...rest);
    if (!Array.isArray(dims)) throw unexpected('Permute: dims', 'axes such as [0, 2, 1]', dims);
    const own: number[] = [...dims];
    const rank = own.length;
    for (const dim of own) checkInteger('Permute', 'dims', dim, -rank, rank - 1);
    this.dims = own.map((dim) => (dim < 0 ? rank + dim : dim));
    if (rank === 0 || new Set(this.dims).size < rank) {
      throw new RangeError(`Permute: dims expected to have each axis once, got ${shapeText(own)}`);
    }
  }

  connect(use: Use<MoveMemo | undefined>, shape: Shape): Shape {
    const { dims } = this;
    if (shape.length !== dims.length) {
      throw new RangeError(
        `${this}: input expected to have ${dims.length} axes, got ${shapeText(shape)}`,
      );
    }
    const output = dims.map((dim) => shape[dim]!);
    const steps = stepsOf(shape, shape);
    const x = dims.map((dim) => steps[dim]!);
    const y = stepsOf(output, output);
    use.memo = undefined;
    if (isInOrder(output, y, x)) {
      use.isView();
      return output;
    }
    const sizes = { y: 0, x: 0 };
    const part = { shape: output, y: { from: 0, steps: y }, x: { from: 0, steps: x } };
    connectMove(use as Use<MoveMemo>, part, sizes);
    return output;
  }

  run(use: Use<MoveMemo | undefined>): void {
    if (use.memo) runMove(use as Use<MoveMemo>);
  }

  runBackward(use: Use<MoveMemo | undefined>): void {
    if (use.memo) differentiateMove(use as Use<MoveMemo>);
    else copyGradient(use);
  }

  override toString(): string {
    return `Permute(${shapeText(this.dims)})`;
  }
}
