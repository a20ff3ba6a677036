/**
 * The one place that knows the environment: compiles the kernels and binds them to linear memory, at
 * first use, synchronously.
 */
import { instantiateSync } from '@assemblyscript/loader';
import type { Kernels } from '../generated/kernels.ts';
import { WASM_BASE64 } from '../generated/wasm.ts';

/** wasm32's address space: 65,536 pages of 64 KiB. */
export const MAX_PAGES = 65_536;

export interface Engine {
  readonly exports: Kernels;
  readonly memory: WebAssembly.Memory;
}

let bound: Engine | undefined;

/** The kernels and their memory; every call goes through it, so that it can be bound anew. */
export function engine(): Engine {
  return (bound ??= start());
}

/** The kernels, for a call. */
export function kernels(): Kernels {
  return (bound ?? engine()).exports;
}

function start(): Engine {
  if (typeof WebAssembly === 'undefined') {
    throw new Error(
      'evenkeel: this runtime has no WebAssembly; use one that has it (any since 2021)',
    );
  }
  const memory = new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES });
  const { exports } = instantiateSync(compile(), { env: { memory } });
  return { exports: exports as unknown as Kernels, memory };
}

function compile(): WebAssembly.Module {
  const bytes = Uint8Array.from(atob(WASM_BASE64), (c) => c.charCodeAt(0));
  try {
    return new WebAssembly.Module(bytes);
  } catch (cause) {
    throw new Error(
      'evenkeel: the WebAssembly kernels did not compile. Either the runtime has no wasm SIMD ' +
        "(Chrome 91, Firefox 89, Safari 16.4, Node 16.4 have it), or a page's Content-Security-Policy " +
        "lacks 'wasm-unsafe-eval', or the platform forbids compiling inside a request.",
      { cause },
    );
  }
}
