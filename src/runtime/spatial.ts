/** The kernels of convolutions and max pooling: a module of their own, compiled at first use. */
import type { SpatialKernels } from '../generated/kernels.ts';
import { SPATIAL_WASM } from './binaries.ts';
import { engine, provided } from './engine.ts';
import { load } from './load.ts';

/** These kernels; the first call compiles them, unless the provided module already contains them. */
export function spatial(): SpatialKernels {
  return (engine().spatial ??= provided() ?? (load(SPATIAL_WASM) as SpatialKernels));
}
