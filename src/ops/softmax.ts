/** Softmax along an axis. */

import type { Use } from '../graph/node.ts';
import { common } from '../runtime/common.ts';
import { extra } from '../runtime/extra.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { axisOf, checkDim } from './dims.ts';
import { apply, type Operand, TensorOperation } from './operation.ts';

/** A shape seen as [n, c, inner], c the axis that is normalised. */
interface Rows {
  readonly n: number;
  readonly c: number;
  readonly inner: number;
}

class Softmax extends TensorOperation<Rows> {
  constructor(
    private readonly logarithm: boolean,
    private readonly dim: number,
  ) {
    super(logarithm ? 'logSoftmax' : 'softmax', [dim]);
    checkDim(this.name, dim);
  }

  connect(use: Use<Rows>, shape: Shape): Shape {
    const axis = axisOf(this.name, shape, this.dim);
    use.memo = {
      n: sizeOf(shape.slice(0, axis)),
      c: shape[axis]!,
      inner: sizeOf(shape.slice(axis + 1)),
    };
    use.keeps({ output: true });
    if (!this.logarithm) use.mayOverwriteInput();
    use.mayOverwriteGradient();
    return shape;
  }

  run(use: Use<Rows>): void {
    const { n, c, inner } = use.memo;
    if (this.logarithm) extra().logSoftmaxForward(use.y, use.x, c, inner, 0, n);
    else common().softmaxForward(use.y, use.x, c, inner, 0, n);
  }

  runBackward(use: Use<Rows>): void {
    const { n, c, inner } = use.memo;
    if (!use.dx) return;
    if (this.logarithm) extra().logSoftmaxBackward(use.dx, use.y, use.dy, c, inner, 0, n);
    else common().softmaxBackward(use.dx, use.y, use.dy, c, inner, 0, n);
  }
}

/**
 * exp(x_k) / Σ_j exp(x_j) along an axis. As PyTorch's `torch.softmax`, and the layer `Softmax`.
 *
 * @throws RangeError for an axis that x does not have
 */
export function softmax(x: Operand, dim: number): Tensor {
  return apply(new Softmax(false, dim), [x]);
}

/**
 * x_k − ln Σ_j exp(x_j) along an axis. As PyTorch's `torch.log_softmax`, and the layer `LogSoftmax`.
 *
 * @throws RangeError for an axis that x does not have
 */
export function logSoftmax(x: Operand, dim: number): Tensor {
  return apply(new Softmax(true, dim), [x]);
}
