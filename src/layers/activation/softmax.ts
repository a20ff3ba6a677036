import type { Use } from '../../graph/node.ts';
import { Leaf } from '../../module/leaf.ts';
import { common } from '../../runtime/common.ts';
import { extra } from '../../runtime/extra.ts';
import { checkInteger } from '../../tensor/check.ts';
import { type Shape, shapeText, sizeOf } from '../../tensor/shape.ts';

/** A shape seen as [n, c, inner], c the axis that is normalised. */
interface Rows {
  readonly n: number;
  readonly c: number;
  readonly inner: number;
}

/** Softmax and its logarithm: what sums along one axis to 1. */
abstract class SoftmaxBase extends Leaf<Rows> {
  /** @param dim the axis; negative ones count from the last. Default 1, the classes. */
  constructor(
    readonly dim = 1,
    ...rest: []
  ) {
    super(...rest);
    checkInteger(this.constructor.name, 'dim', dim, -Infinity);
  }

  connect(use: Use<Rows>, shape: Shape): Shape {
    const axis = this.dim < 0 ? shape.length + this.dim : this.dim;
    const c = shape[axis];
    if (c === undefined) {
      throw new RangeError(
        `${this}: input expected to have an axis ${this.dim}, got ${shapeText(shape)}`,
      );
    }
    const n = sizeOf(shape.slice(0, axis));
    use.memo = { n, c, inner: sizeOf(shape.slice(axis + 1)) };
    use.keeps({ output: true });
    use.mayOverwriteGradient();
    return shape;
  }

  override toString(): string {
    return `${this.constructor.name}(${this.dim})`;
  }
}

/**
 * y_k = exp(x_k) / Σ_j exp(x_j) along one axis
 *
 * dx_k = y_k·(dy_k − Σ_j dy_j·y_j). Logits of any size are safe. Shapes: any with that axis → the
 * same. As PyTorch's `nn.Softmax`. Before a loss leave it out: `CrossEntropyLoss` takes logits.
 *
 * @throws RangeError in forward if the input lacks the axis
 */
export class Softmax extends SoftmaxBase {
  override connect(use: Use<Rows>, shape: Shape): Shape {
    use.mayOverwriteInput();
    return super.connect(use, shape);
  }

  run(use: Use<Rows>): void {
    const { n, c, inner } = use.memo;
    common().softmaxForward(use.y, use.x, c, inner, 0, n);
  }

  runBackward(use: Use<Rows>): void {
    if (!use.dx) return;
    const { n, c, inner } = use.memo;
    common().softmaxBackward(use.dx, use.y, use.dy, c, inner, 0, n);
  }
}

/**
 * y_k = x_k − ln Σ_j exp(x_j) along one axis
 *
 * dx_k = dy_k − exp(y_k)·Σ_j dy_j. Logits of any size are safe. Shapes: any with that axis → the
 * same. As PyTorch's `nn.LogSoftmax`; what `KLDivLoss` takes.
 *
 * @throws RangeError in forward if the input lacks the axis
 */
export class LogSoftmax extends SoftmaxBase {
  run(use: Use<Rows>): void {
    const { n, c, inner } = use.memo;
    extra().logSoftmaxForward(use.y, use.x, c, inner, 0, n);
  }

  runBackward(use: Use<Rows>): void {
    if (!use.dx) return;
    const { n, c, inner } = use.memo;
    extra().logSoftmaxBackward(use.dx, use.y, use.dy, c, inner, 0, n);
  }
}
