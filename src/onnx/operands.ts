/** Operations on tensors, of which some may be in the file. */
import type { Operand } from '../ops/operation.ts';
import { Tensor } from '../tensor/tensor.ts';
import { type Computed, isConstant } from './graph.ts';
import type { NodeReading } from './reading.ts';

/** An operation on two tensors, with NumPy's broadcasting. */
export function broadcast(
  node: NodeReading,
  compute: (a: Operand, b: Operand) => Tensor,
): Computed {
  const fixed = node.inputs.map((input) =>
    isConstant(input) ? Tensor.from(Float32Array.from(input.values), input.shape) : undefined,
  );
  const read = [0, 1].flatMap((i) => (fixed[i] ? [] : [node.computed(i)]));
  return node.operations((...given) => {
    const [a, b] = [0, 1].map((i) => fixed[i] ?? given.shift()!);
    return compute(a!, b!);
  }, read);
}
