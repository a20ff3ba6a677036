/** Where the kernels are imported as one module, they are all there: workerd. */
import type { ExtraKernels, Kernels } from '../generated/kernels.ts';
import { kernels } from './engine.ts';

export function extra(): ExtraKernels {
  return kernels() as Kernels;
}
