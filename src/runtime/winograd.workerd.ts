/** The kernels of 3 × 3 convolutions for workerd, where one imported module contains all kernels. */
import type { Kernels, WinogradKernels } from '../generated/kernels.ts';
import { kernels } from './engine.ts';

export function winograd(): WinogradKernels {
  return kernels() as Kernels;
}
