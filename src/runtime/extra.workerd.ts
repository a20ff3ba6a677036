/** The extra kernels for workerd, where one imported module contains all kernels. */
import type { ExtraKernels, Kernels } from '../generated/kernels.ts';
import { kernels } from './engine.ts';

export function extra(): ExtraKernels {
  return kernels() as Kernels;
}
