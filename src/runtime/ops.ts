/** The kernels of operations on tensors: a module of their own, compiled at first use. */
import type { OpsKernels } from '../generated/kernels.ts';
import { OPS_WASM } from './binaries.ts';
import { compile } from './compile.ts';
import { bindToSharedMemory, provided } from './engine.ts';

let bound: OpsKernels | undefined;

/** These kernels; the first call compiles them, unless the provided module already contains them. */
export function ops(): OpsKernels {
  return (bound ??= provided() ?? (bindToSharedMemory(compile(OPS_WASM)) as OpsKernels));
}
