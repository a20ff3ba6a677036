import type { Use } from '../graph/node.ts';
import { Leaf } from '../module/leaf.ts';
import type { MoveMemo } from '../ops/move.ts';
import { connectPermute, differentiatePermute, runPermute } from '../ops/permute.ts';
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
  /** @internal */
  readonly dims: readonly number[];

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
    return connectPermute(use, shape, dims);
  }

  run(use: Use<MoveMemo | undefined>): void {
    runPermute(use);
  }

  runBackward(use: Use<MoveMemo | undefined>): void {
    differentiatePermute(use);
  }

  override toString(): string {
    return `Permute(${shapeText(this.dims)})`;
  }
}
