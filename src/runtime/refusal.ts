/** Finds out why the kernels did not compile, by compiling smaller modules, and says what to do. */

/** The smallest valid module: magic number and version. */
const EMPTY = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** The smallest module with SIMD: a function that returns i8x16.splat(0). */
const SIMD = [
  ...EMPTY,
  ...[1, 5, 1, 0x60, 0, 1, 0x7b], // types: () → v128
  ...[3, 2, 1, 0], // functions: one of type 0
  ...[10, 8, 1, 6, 0, 0x41, 0, 0xfd, 15, 0x0b], // code: a body of 6 bytes without locals
];

/** The error to throw instead of `cause`, the error that was thrown when the kernels were compiled. */
export function refusal(cause: unknown): Error {
  if (cause instanceof RangeError && cause.message.startsWith('evenkeel')) return cause; // no memory
  return new Error(`evenkeel: ${reason()}`, { cause });
}

function reason(): string {
  if (typeof WebAssembly === 'undefined') {
    return (
      "this runtime has no WebAssembly, or it is disabled (Node's --jitless, Apple's Lockdown Mode): " +
      'enable it, or use another runtime'
    );
  }
  if (!WebAssembly.validate(Uint8Array.from(SIMD))) {
    return (
      'this runtime or processor has no WebAssembly SIMD: use Chrome 98, Firefox 97, Safari 16.4, ' +
      'Node 20 or newer, and on x86 a processor with SSE4.1'
    );
  }
  if (starts(EMPTY)) {
    return (
      'the WebAssembly kernels did not compile (see cause). Chrome before 115 does not compile ' +
      'modules of their size synchronously on a page: train in a Worker, or fetch ' +
      'evenkeel/kernels.wasm: useModule(await WebAssembly.compileStreaming(fetch(…)))'
    );
  }
  // Pages and their Workers have a location; servers and edge functions have none.
  if (typeof location !== 'undefined') {
    return (
      "the page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval', which does " +
      'not allow eval, to its script-src'
    );
  }
  return (
    'this platform does not compile WebAssembly at run time, as is usual for Cloudflare Workers and ' +
    'edge functions: bundle with the export condition "workerd" (wrangler does; esbuild: ' +
    '--conditions=workerd --loader:.wasm=copy), or import evenkeel/kernels.wasm as a module and ' +
    'pass it to useModule'
  );
}

/**
 * Whether the runtime compiles and instantiates a module. A policy that forbids WebAssembly makes
 * compilation fail in Chromium and Firefox, but only instantiation in WebKit.
 */
function starts(module: readonly number[]): boolean {
  try {
    new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(module)));
    return true;
  } catch {
    return false;
  }
}
