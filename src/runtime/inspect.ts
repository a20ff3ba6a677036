/** The kernels of evenkeel/inspect, which look at tensors: a third module, compiled at first use. */
import { INSPECT_WASM } from '../generated/inspect.ts';
import type { InspectKernels } from '../generated/kernels.ts';
import { compile } from './compile.ts';
import { bindToSharedMemory, provided } from './engine.ts';

let bound: InspectKernels | undefined;

/** These kernels; the first call compiles them, unless the provided module already contains them. */
export function inspectKernels(): InspectKernels {
  return (bound ??= provided() ?? (bindToSharedMemory(compile(INSPECT_WASM)) as InspectKernels));
}
