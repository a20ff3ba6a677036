/** The kernels of evenkeel/inspect for workerd, where one imported module contains all kernels. */
import type { InspectKernels, Kernels } from '../generated/kernels.ts';
import { kernels } from './engine.ts';

export function inspectKernels(): InspectKernels {
  return kernels() as Kernels;
}
