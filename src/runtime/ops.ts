/** The kernels of operations on tensors: a module of their own, compiled at first use. */
import type { OpsKernels } from '../generated/kernels.ts';
import { OPS_WASM } from './binaries.ts';
import { engine, provided } from './engine.ts';
import { load } from './load.ts';

/** These kernels; the first call compiles them, unless the provided module already contains them. */
export function ops(): OpsKernels {
  return (engine().ops ??= provided() ?? (load(OPS_WASM) as OpsKernels));
}
