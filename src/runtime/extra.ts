/** The kernels that only some networks need: a module of their own, compiled when first called. */
import { EXTRA_WASM } from '../generated/extra.ts';
import type { ExtraKernels } from '../generated/kernels.ts';
import { compile } from './compile.ts';
import { bindBeside, provided } from './engine.ts';

let bound: ExtraKernels | undefined;

/** The extra kernels, for a call. */
export function extra(): ExtraKernels {
  return (bound ??= provided() ?? (bindBeside(compile(EXTRA_WASM)) as ExtraKernels));
}
