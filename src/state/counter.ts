/** Counters in a state dict: whole numbers, which files hold as int64. */
import { Scalar } from '../tensor/scalar.ts';
import type { Input } from '../tensor/tensor.ts';

/** Whether an entry of this name counts: PyTorch's batch norms count the batches they have seen. */
export function isCounter(name: string): boolean {
  return name.endsWith('num_batches_tracked');
}

/** The number of an entry whose values hold it as a float32 only. */
export function countOf(name: string, input: Input): number | undefined {
  return isCounter(name) && input instanceof Scalar ? input.item() : undefined;
}
