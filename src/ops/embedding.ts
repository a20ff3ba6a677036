import type { Given, Use } from '../graph/node.ts';
import { ops } from '../runtime/ops.ts';
import { type Shape, shapeText } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { apply, type Operand, TensorOperation } from './operation.ts';
import { checkIndices, gather, scatter } from './rows.ts';

class Embedding extends TensorOperation {
  constructor() {
    super('embedding');
  }

  connect(use: Use, indices: Shape, weight: Shape): Shape {
    if (weight.length !== 2) {
      throw new RangeError(`embedding: weight expected [rows, width], got ${shapeText(weight)}`);
    }
    use.takesIntegers(0);
    use.keeps({ input: true });
    return [...indices, weight[1]!];
  }

  /** @throws RangeError for a row that the table does not have */
  override verify(use: Use, _training: boolean, given?: Given): void {
    checkIndices('embedding', use, given, use.inputs[1]!.shape[0]!);
  }

  run(use: Use): void {
    gather(use, use.input(1), use.inputs[1]!.shape[1]!);
  }

  /** dW[index] += dy, in the order of the indices. */
  runBackward(use: Use): void {
    const dw = use.inputGradient(1);
    if (!dw) return;
    ops().fillWith(dw, 0, 0, use.inputs[1]!.slot.length);
    scatter(use, dw, use.inputs[1]!.shape[1]!);
  }
}

/**
 * Rows of a table by their numbers: indices […] and weight [rows, width] → […, width]. The gradient of the table
 * adds up in the order of the indices, which have none. As PyTorch's `F.embedding`.
 *
 * Inside a model the indices are one of its inputs, or a tensor with values.
 *
 * @throws RangeError for an index that is not whole or that the table does not have
 */
export function embedding(indices: Operand, weight: Operand): Tensor {
  return apply(new Embedding(), [indices, weight], 0);
}
