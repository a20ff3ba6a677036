/**
 * evenkeel/kernels: the raw kernels and the memory they work on. **Unstable**: names and arguments may
 * change in any version, without notice.
 */

import type { Kernels } from '../generated/kernels.ts';
import { common } from '../runtime/common.ts';
import { kernels as core, type Engine, engine } from '../runtime/engine.ts';
import { extra } from '../runtime/extra.ts';
import { inspectKernels } from '../runtime/inspect.ts';
import { ops } from '../runtime/ops.ts';
import { spatial } from '../runtime/spatial.ts';
import { volume } from '../runtime/volume.ts';
import type { WasmMemory } from '../runtime/wasm.ts';
import { FULL_NAMES } from './names.ts';

export type { Kernels, Pointer } from '../generated/kernels.ts';
export { Block, NULL, offset } from '../memory/memory.ts';

let all: Kernels | undefined;
let source: Engine | undefined;

/**
 * All kernels of all modules. `useThreads` replaces them
 * and their memory: do not keep what was returned before it.
 */
export function kernels(): Kernels {
  if (all && source === engine()) return all;
  source = engine();
  const exported = Object.entries({
    ...core(),
    ...common(),
    ...extra(),
    ...inspectKernels(),
    ...ops(),
    ...spatial(),
    ...volume(),
  });
  const named = exported.map(([name, kernel]) => [FULL_NAMES[name] ?? name, kernel]);
  return (all = Object.fromEntries(named) as Kernels);
}

/** The linear memory, which layers and `Block`s share. Its buffer is replaced when the memory grows. */
export function memory(): WasmMemory {
  return engine().memory;
}
