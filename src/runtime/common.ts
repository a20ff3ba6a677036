/** The kernels that many networks need, and many do not: a module of their own, compiled at first use. */
import type { CommonKernels } from '../generated/kernels.ts';
import { COMMON_WASM } from './binaries.ts';
import { engine, provided } from './engine.ts';
import { load } from './load.ts';

/** These kernels; the first call compiles them, unless the provided module already contains them. */
export function common(): CommonKernels {
  return (engine().common ??= provided() ?? (load(COMMON_WASM) as CommonKernels));
}
