/** The extra kernels, which only some networks need: a second module, compiled at first use. */
import type { ExtraKernels } from '../generated/kernels.ts';
import { EXTRA_WASM } from './binaries.ts';
import { engine, provided } from './engine.ts';
import { load } from './load.ts';

/** The extra kernels; the first call compiles them, unless the provided module already contains them. */
export function extra(): ExtraKernels {
  return (engine().extra ??= provided() ?? (load(EXTRA_WASM) as ExtraKernels));
}
