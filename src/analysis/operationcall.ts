import { Module } from '../module/module.ts';
import { apply, type Operand, type TensorOperation } from '../ops/operation.ts';
import type { Parameter } from '../tensor/parameter.ts';
import type { Input, Tensor } from '../tensor/tensor.ts';

/** An operand that is known before the step; undefined for one that the step reads. */
export type Fixed = Tensor | Parameter | undefined;

/** A call of an operation on tensors, such as `mul`, as a step of a `GraphModule`. */
export class OperationCall extends Module {
  constructor(
    // biome-ignore lint/suspicious/noExplicitAny: of any memo
    readonly operation: TensorOperation<any>,
    /** The operands in their order. */
    readonly operands: readonly Fixed[],
  ) {
    super();
  }

  override forward(x: Input | readonly Input[]): Tensor {
    const given = (Array.isArray(x) ? [...x] : [x]) as Operand[];
    const { operation, operands } = this;
    const integers = operation.name === 'embedding' ? 0 : -1;
    return apply(
      operation,
      operands.map((operand) => operand ?? given.shift()!),
      integers,
    );
  }

  override toString(): string {
    return `${this.operation}`;
  }
}
