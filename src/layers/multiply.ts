import type { Use } from '../graph/node.ts';
import { Leaf } from '../module/leaf.ts';
import {
  connectProduct,
  differentiateProduct,
  type ProductMemo,
  runProduct,
} from '../ops/product.ts';
import type { Shape } from '../tensor/shape.ts';

/**
 * y = x₁·x₂·…, with NumPy's broadcasting: `multiply.forward([x, gate])`
 *
 * dxᵢ = dy times the other inputs, summed over the axes that xᵢ was broadcast along. Shapes are aligned at the
 * last axis; along each axis the lengths are equal or 1. So the gate of a squeeze-and-excitation block is
 * [N, C, 1, 1] beside [N, C, H, W].
 *
 * @throws RangeError in `forward` for one input, or shapes that do not broadcast
 */
export class Multiply extends Leaf<ProductMemo> {
  override get maxInputs(): number {
    return Number.POSITIVE_INFINITY;
  }

  connect(use: Use<ProductMemo>, ...shapes: Shape[]): Shape {
    if (shapes.length < 2) {
      throw new RangeError('Multiply: expected two inputs or more, got one');
    }
    return connectProduct(use, shapes);
  }

  run(use: Use<ProductMemo>): void {
    runProduct(use);
  }

  runBackward(use: Use<ProductMemo>): void {
    differentiateProduct(use);
  }

  override toString(): string {
    return 'Multiply()';
  }
}
