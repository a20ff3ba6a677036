/** Compiles the kernels and instantiates them with linear memory, synchronously, at first use. */
import { builtin } from './builtin.ts';

// Above: first of all imports, so that a bundle begins with the packed kernels (see binaries.ts).

import { demangle } from '@assemblyscript/loader';
import type {
  CommonKernels,
  CoreKernels,
  ExtraKernels,
  InspectKernels,
  Kernels,
  OpsKernels,
  SpatialKernels,
  VolumeKernels,
} from '../generated/kernels.ts';
import { newMemory } from './newmemory.ts';
import type { Packed } from './unpack.ts';
import type { WasmMemory, WasmModule } from './wasm.ts';

/**
 * The address space of wasm32 has 65,536 pages of 64 KiB. The last one is never used, so that no array ends at
 * 2³², which would be 0. Kernels compare addresses with the end of an array, and look less than a page beyond
 * it. Loops whose stride may be longer compare for equality, which holds modulo 2³².
 */
const MAX_PAGES = 65_535;

/** The bytes that linear memory can have. */
export const MAX_BYTES: number = MAX_PAGES * 65_536;

export interface Engine {
  readonly exports: CoreKernels;
  readonly memory: WasmMemory;
  /** Whether `exports` are all kernels, from one provided module. */
  readonly whole?: boolean;
  /** Compiles and binds further kernels, if not in the usual way (runtime/load.ts). */
  readonly load?: (packed: Packed) => unknown;
  /** The kernels of common.ts, extra.ts, inspect.ts, ops.ts, spatial.ts and volume.ts, from their first use on. */
  common?: CommonKernels;
  extra?: ExtraKernels;
  inspect?: InspectKernels;
  ops?: OpsKernels;
  spatial?: SpatialKernels;
  volume?: VolumeKernels;
}

let bound: Engine | undefined;
let providedModule: WasmModule | undefined;
let providedText: Packed | undefined;

/** The core kernels and their memory; the first call starts them. */
export function engine(): Engine {
  return (bound ??= start());
}

/** The core kernels. Kernels that only some networks need are in `common()` and `extra()`, runtime/extra.ts. */
export function kernels(): CoreKernels {
  return (bound ?? engine()).exports;
}

/** Whether the kernels have started, so that it is too late to provide a module. */
export function started(): boolean {
  return bound !== undefined;
}

/**
 * Makes the kernels start from a compiled module that contains all of them, core and extra; `packed` is what it
 * was compiled from, if that is known.
 */
export function provide(module: WasmModule, packed?: Packed): void {
  providedModule = module;
  providedText = packed;
}

/** What the provided module was compiled from. */
export function providedPacked(): Packed | undefined {
  return providedText;
}

/** All kernels, if they come from one provided module; else undefined. */
export function provided(): Kernels | undefined {
  return engine().whole ? (kernels() as Kernels) : undefined;
}

/** Replaces kernels and memory. The new memory must hold the bytes of the old one, at their addresses. */
export function rebind(engine: Engine): void {
  bound = engine;
}

/** Instantiates a module with the memory that all kernels share, and returns its exports. */
export function bindToSharedMemory(module: WasmModule): unknown {
  return bind(module, engine().memory);
}

function start(): Engine {
  const module = providedModule ?? builtin();
  const memory = newMemory({ initial: 1, maximum: MAX_PAGES });
  return { exports: bind(module, memory) as CoreKernels, memory, whole: !!providedModule };
}

/** Instantiates a module with a memory, and returns its exports. */
export function bind(module: WasmModule, memory: WasmMemory): unknown {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  // The loader's instantiateSync would add code for strings and arrays, which the kernels do not use.
  return demangle(exports);
}
