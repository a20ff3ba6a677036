/**
 * The one place that knows the environment: compiles the kernels and binds them to linear memory, at
 * first use, synchronously.
 */
import { instantiateSync } from '@assemblyscript/loader';
import type { Kernels } from '../generated/kernels.ts';
import { WASM } from '../generated/wasm.ts';
import { type Packed, unpack } from './unpack.ts';

/** wasm32's address space: 65,536 pages of 64 KiB. */
export const MAX_PAGES = 65_536;

export interface Engine {
  readonly exports: Kernels;
  readonly memory: WebAssembly.Memory;
}

let bound: Engine | undefined;
let provided: WebAssembly.Module | undefined;

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

/** Has the kernels start from `module`, an already compiled build of them, instead of the strict bytes. */
export function provide(module: WebAssembly.Module): void {
  provided = module;
}

function start(): Engine {
  if (typeof WebAssembly === 'undefined') {
    throw new Error(
      'evenkeel: this runtime has no WebAssembly; use one that has it (any since 2021)',
    );
  }
  const memory = new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES });
  const module = provided ?? compile(WASM);
  const { exports } = instantiateSync(module, { env: { memory } });
  return { exports: exports as unknown as Kernels, memory };
}

/** A module from its packed bytes. @throws Error that names the likely causes */
export function compile(packed: Packed): WebAssembly.Module {
  try {
    return new WebAssembly.Module(unpack(packed));
  } catch (cause) {
    throw new Error(
      'evenkeel: the WebAssembly kernels did not compile. Either the runtime has no wasm SIMD ' +
        "(Chrome 91, Firefox 89, Safari 16.4, Node 16.4 have it), or a page's Content-Security-Policy " +
        "lacks 'wasm-unsafe-eval', or the platform forbids compiling inside a request.",
      { cause },
    );
  }
}
