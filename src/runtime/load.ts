/** Compiles packed kernels beside those of the core, and binds them to the same memory. */
import { compile } from './compile.ts';
import { bindToSharedMemory, engine } from './engine.ts';
import type { Packed } from './unpack.ts';

export function load(packed: Packed): unknown {
  return engine().load?.(packed) ?? bindToSharedMemory(compile(packed));
}
