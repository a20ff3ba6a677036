/** Compiles packed kernels, synchronously. */
import { type Packed, unpack } from './unpack.ts';

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
