/** The kernels of 3 × 3 convolutions by Winograd's method: a module of their own, compiled at first use. */
import type { WinogradKernels } from '../generated/kernels.ts';
import { WINOGRAD_WASM } from './binaries.ts';
import { engine, provided } from './engine.ts';
import { load } from './load.ts';

/** These kernels; the first call compiles them, unless the provided module already contains them. */
export function winograd(): WinogradKernels {
  return (engine().winograd ??= provided() ?? (load(WINOGRAD_WASM) as WinogradKernels));
}
