/** The kernels that many networks need, and many do not for workerd, where one imported module contains all kernels. */
import type { CommonKernels, Kernels } from '../generated/kernels.ts';
import { kernels } from './engine.ts';

export function common(): CommonKernels {
  return kernels() as Kernels;
}
