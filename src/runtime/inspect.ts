/** The kernels of evenkeel/inspect, which look at tensors: a third module, compiled at first use. */
import { INSPECT_WASM } from '../generated/inspect.ts';
import type { InspectKernels } from '../generated/kernels.ts';
import { engine, provided } from './engine.ts';
import { load } from './load.ts';

/** These kernels; the first call compiles them, unless the provided module already contains them. */
export function inspectKernels(): InspectKernels {
  return (engine().inspect ??= provided() ?? (load(INSPECT_WASM) as InspectKernels));
}
