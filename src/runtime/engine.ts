/**
 * The one place that knows the environment: compiles the kernels and binds them to linear memory, at
 * first use, synchronously.
 */
import { demangle } from '@assemblyscript/loader';
import type { Kernels } from '../generated/kernels.ts';
import { builtin } from './builtin.ts';
import type { WasmMemory, WasmModule } from './wasm.ts';

/** wasm32's address space: 65,536 pages of 64 KiB. */
export const MAX_PAGES = 65_536;

export interface Engine {
  readonly exports: Kernels;
  readonly memory: WasmMemory;
}

let bound: Engine | undefined;
let provided: WasmModule | undefined;

/** The kernels and their memory; every call goes through it, so that it can be bound anew. */
export function engine(): Engine {
  return (bound ??= start());
}

/** The kernels, for a call. */
export function kernels(): Kernels {
  return (bound ?? engine()).exports;
}

/** Whether the kernels are bound, so that nothing can be chosen any more. */
export function started(): boolean {
  return bound !== undefined;
}

/** Has the kernels start from `module`, an already compiled build of them, instead of the package's strict one. */
export function provide(module: WasmModule): void {
  provided = module;
}

function start(): Engine {
  const module = provided ?? builtin();
  const memory = new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  // The loader's own instantiateSync would bring its strings and arrays along, which kernels have not.
  return { exports: demangle(exports) as unknown as Kernels, memory };
}
