/** The kernels of convolutions and max pooling for workerd, where one imported module contains all kernels. */
import type { Kernels, SpatialKernels } from '../generated/kernels.ts';
import { kernels } from './engine.ts';

export function spatial(): SpatialKernels {
  return kernels() as Kernels;
}
