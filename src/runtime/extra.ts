/** The extra kernels, which only some networks need: a second module, compiled at first use. */
import type { ExtraKernels } from '../generated/kernels.ts';
import { EXTRA_WASM } from './binaries.ts';
import { compile } from './compile.ts';
import { bindToSharedMemory, provided } from './engine.ts';

let bound: ExtraKernels | undefined;

/** The extra kernels; the first call compiles them, unless the provided module already contains them. */
export function extra(): ExtraKernels {
  return (bound ??= provided() ?? (bindToSharedMemory(compile(EXTRA_WASM)) as ExtraKernels));
}
