import type { Use } from '../graph/node.ts';
import { Leaf } from '../module/leaf.ts';
import { copyGradient } from '../ops/view.ts';
import { checkInteger } from '../tensor/check.ts';
import { frozen, ownShape, type Shape, shapeText, sizeOf } from '../tensor/shape.ts';

/**
 * y = x, for a place where a layer may stand. As PyTorch's `nn.Identity`, but it takes no arguments.
 */
export class Identity extends Leaf {
  connect(use: Use, shape: Shape): Shape {
    use.isView();
    return shape;
  }

  run(): void {}

  runBackward(use: Use): void {
    copyGradient(use);
  }

  override toString(): string {
    return 'Identity()';
  }
}

/** A layer that gives its input another shape. The output shares the input's memory. */
abstract class Reshape extends Leaf {
  protected abstract outputShape(shape: Shape): Shape;

  connect(use: Use, shape: Shape): Shape {
    const output = this.outputShape(shape);
    use.isView();
    return output;
  }

  run(): void {}

  runBackward(use: Use): void {
    copyGradient(use);
  }
}

/**
 * Joins the axes from `startDim` to `endDim` to one.
 *
 * Shape: [N, C, H, W] → [N, C·H·W] by default. Negative axes count from the last. As PyTorch's
 * `nn.Flatten`.
 *
 * @throws RangeError if an axis is no whole number; in `forward` if the input does not have the axes
 */
export class Flatten extends Reshape {
  constructor(
    readonly startDim = 1,
    readonly endDim = -1,
    ...rest: []
  ) {
    super(...rest);
    checkInteger('Flatten', 'startDim', startDim, -Infinity);
    checkInteger('Flatten', 'endDim', endDim, -Infinity);
  }

  protected outputShape(shape: Shape): Shape {
    const rank = shape.length;
    const start = this.startDim < 0 ? rank + this.startDim : this.startDim;
    const end = this.endDim < 0 ? rank + this.endDim : this.endDim;
    if (start < 0 || end >= rank || start > end) {
      throw new RangeError(
        `${this}: input expected to have axes ${this.startDim} to ${this.endDim}, got ${shapeText(shape)}`,
      );
    }
    return [...shape.slice(0, start), sizeOf(shape.slice(start, end + 1)), ...shape.slice(end + 1)];
  }

  override toString(): string {
    const { startDim, endDim } = this;
    return endDim !== -1
      ? `Flatten(${startDim}, ${endDim})`
      : `Flatten(${startDim === 1 ? '' : startDim})`;
  }
}

/**
 * Splits the axis `dim` into several: the inverse of `Flatten`.
 *
 * ```ts
 * new Unflatten(1, [64, 7, 7])    // [N, 3136] → [N, 64, 7, 7]
 * ```
 *
 * One of the sizes may be −1: it follows from the others. So `Flatten(0)` and `Unflatten(0, [...])` together give
 * a tensor any other shape. As PyTorch's `nn.Unflatten`.
 *
 * @throws RangeError for more than one −1; in `forward` if the axis is not as long as the product of `sizes`
 */
export class Unflatten extends Reshape {
  /** @internal */
  readonly sizes: Shape;

  constructor(
    /** @internal */
    readonly dim: number,
    sizes: readonly number[],
    ...rest: []
  ) {
    super(...rest);
    checkInteger('Unflatten', 'dim', dim, -Infinity);
    const free = Array.isArray(sizes) ? sizes.filter((size) => size === -1).length : 0;
    ownShape('Unflatten', free === 1 ? sizes.map((size) => (size === -1 ? 1 : size)) : sizes);
    this.sizes = frozen(sizes);
  }

  protected outputShape(shape: Shape): Shape {
    const { dim, sizes } = this;
    const axis = dim < 0 ? shape.length + dim : dim;
    const extent = shape[axis];
    const known = Math.abs(sizeOf(sizes));
    const free = extent === undefined ? 0 : extent / known;
    if (!(sizes.includes(-1) ? Number.isInteger(free) && free > 0 : free === 1)) {
      const expected = sizes.includes(-1) ? `a multiple of ${known}` : known;
      throw new RangeError(
        `${this}: axis ${dim} expected ${expected} long, got input ${shapeText(shape)}`,
      );
    }
    const filled = sizes.map((size) => (size === -1 ? free : size));
    return [...shape.slice(0, axis), ...filled, ...shape.slice(axis + 1)];
  }

  override toString(): string {
    return `Unflatten(${this.dim}, ${shapeText(this.sizes)})`;
  }
}
