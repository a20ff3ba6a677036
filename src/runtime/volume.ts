/** The kernels of convolutions and maxima of volumes: a module of their own, compiled at first use. */
import type { VolumeKernels } from '../generated/kernels.ts';
import { VOLUME_WASM } from './binaries.ts';
import { engine, provided } from './engine.ts';
import { load } from './load.ts';

/** These kernels; the first call compiles them, unless the provided module already contains them. */
export function volume(): VolumeKernels {
  return (engine().volume ??= provided() ?? (load(VOLUME_WASM) as VolumeKernels));
}
