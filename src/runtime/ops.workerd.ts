/** The kernels of operations on tensors for workerd, where one imported module contains all kernels. */
import type { Kernels, OpsKernels } from '../generated/kernels.ts';
import { kernels } from './engine.ts';

export function ops(): OpsKernels {
  return kernels() as Kernels;
}
