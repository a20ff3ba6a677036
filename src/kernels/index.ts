/**
 * evenkeel/kernels: the raw kernels and the memory they work on. **Unstable**: names and arguments follow
 * the needs of the layers and change without notice in any version.
 */
import type { Kernels } from '../generated/kernels.ts';
import { kernels as core, engine } from '../runtime/engine.ts';
import { extra } from '../runtime/extra.ts';
import type { WasmMemory } from '../runtime/wasm.ts';

export type { Kernels, Pointer } from '../generated/kernels.ts';
export { Block, NULL, offset } from '../memory/memory.ts';

let all: Kernels | undefined;

/** All kernels, for a call. */
export function kernels(): Kernels {
  return (all ??= { ...core(), ...extra() });
}

/** Linear memory, which layers and `Block`s share; growth replaces its buffer. */
export function memory(): WasmMemory {
  return engine().memory;
}
