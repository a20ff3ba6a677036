/** The kernels of volumes for workerd, where one imported module contains all kernels. */
import type { Kernels, VolumeKernels } from '../generated/kernels.ts';
import { kernels } from './engine.ts';

export function volume(): VolumeKernels {
  return kernels() as Kernels;
}
