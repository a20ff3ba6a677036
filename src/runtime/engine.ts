/**
 * The one place that knows the environment: compiles the kernels and binds them to linear memory, at
 * first use, synchronously.
 */
import { demangle } from '@assemblyscript/loader';
import type { CoreKernels, Kernels } from '../generated/kernels.ts';
import { builtin } from './builtin.ts';
import type { WasmMemory, WasmModule } from './wasm.ts';

/** wasm32's address space: 65,536 pages of 64 KiB. */
export const MAX_PAGES = 65_536;

export interface Engine {
  readonly exports: CoreKernels;
  readonly memory: WasmMemory;
}

let bound: Engine | undefined;
let whole: WasmModule | undefined;

/** The kernels and their memory; every call goes through it, so that it can be bound anew. */
export function engine(): Engine {
  return (bound ??= start());
}

/** The core's kernels, for a call. What few networks need is in `extra()`, runtime/extra.ts. */
export function kernels(): CoreKernels {
  return (bound ?? engine()).exports;
}

/** Whether the kernels are bound, so that nothing can be chosen any more. */
export function started(): boolean {
  return bound !== undefined;
}

/** Has all kernels start from `module`, an already compiled build of them, instead of the package's strict ones. */
export function provide(module: WasmModule): void {
  whole = module;
}

/** All kernels, where they came in one module. */
export function provided(): Kernels | undefined {
  return whole && (kernels() as Kernels);
}

/** A module's exports, bound to the memory that all kernels share. */
export function bindBeside(module: WasmModule): unknown {
  return bind(module, engine().memory);
}

function start(): Engine {
  const module = whole ?? builtin();
  const memory = new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES });
  return { exports: bind(module, memory) as CoreKernels, memory };
}

function bind(module: WasmModule, memory: WasmMemory): unknown {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  // The loader's own instantiateSync would bring its strings and arrays along, which kernels have not.
  return demangle(exports);
}
