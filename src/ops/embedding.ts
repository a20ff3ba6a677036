import type { Given, Use } from '../graph/node.ts';
import type { Pointer } from '../memory/memory.ts';
import { ops } from '../runtime/ops.ts';
import { type Shape, shapeText } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { apply, type Operand, TensorOperation, valuesOf } from './operation.ts';

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
    const indices = given && valuesOf(use, 0, given);
    if (!indices) return;
    const rows = use.inputs[1]!.shape[0]!;
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i]!;
      if (Number.isInteger(index) && index >= 0 && index < rows) continue;
      throw new RangeError(
        `embedding: indices expected whole numbers from 0 to ${rows - 1}, got ${index} at [${i}]`,
      );
    }
  }

  run(use: Use): void {
    const [count, width] = sizes(use);
    ops().gatherRows(use.y, use.x as Pointer<'RowIndex'>, use.input(1), width, 0, count);
  }

  /** dW[index] += dy, in the order of the indices. */
  runBackward(use: Use): void {
    const dw = use.inputGradient(1);
    if (!dw) return;
    const [count, width] = sizes(use);
    ops().fillWith(dw, 0, 0, use.inputs[1]!.slot.length);
    ops().scatterRows(dw, use.x as Pointer<'RowIndex'>, use.dy, count, width, 0, width);
  }
}

function sizes(use: Use): [count: number, width: number] {
  return [use.inputs[0]!.slot.length, use.inputs[1]!.shape[1]!];
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
