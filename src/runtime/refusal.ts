/** Why the kernels do not start, found out by trying, and the way out. */

/** The least module there is: magic and version. */
const EMPTY = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** The least one with SIMD: a function that gives i8x16.splat(0). */
const SIMD = [
  ...EMPTY,
  ...[1, 5, 1, 0x60, 0, 1, 0x7b], // types: () → v128
  ...[3, 2, 1, 0], // functions: one of type 0
  ...[10, 8, 1, 6, 0, 0x41, 0, 0xfd, 15, 0x0b], // code: a body of 6 bytes without locals
];

/** The error to throw instead of `cause`, which compiling the kernels threw. */
export function refusal(cause: unknown): Error {
  return new Error(`evenkeel: ${reason()}`, { cause });
}

function reason(): string {
  if (typeof WebAssembly === 'undefined') {
    return (
      'this runtime has no WebAssembly, or it is switched off (by --jitless in Node, by Lockdown ' +
      'Mode on Apple devices): switch it on, or use another runtime'
    );
  }
  if (!WebAssembly.validate(Uint8Array.from(SIMD))) {
    return (
      'this runtime or processor has no WebAssembly SIMD: use Chrome 91, Firefox 89, Safari 16.4, ' +
      'Node 16.4 or newer, on a processor of the last fifteen years (on x86 one with SSE4.1)'
    );
  }
  if (starts(EMPTY)) {
    return (
      'the WebAssembly kernels did not compile (see cause). A page of Chrome before 115 compiles ' +
      'nothing of their size at once: train in a Worker, or start with useModule(await ' +
      'WebAssembly.compileStreaming(fetch(…))) of evenkeel/kernels.wasm'
    );
  }
  // Pages and their Workers have a location; servers and edge functions have none.
  if (typeof location !== 'undefined') {
    return (
      "the page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its " +
      'script-src (it allows WebAssembly, and no eval of text)'
    );
  }
  return (
    'this platform compiles no WebAssembly while it runs, as Workers of Cloudflare and edge ' +
    'functions do not: bundle with the export condition "workerd", as wrangler does by itself ' +
    '(esbuild: --conditions=workerd --loader:.wasm=copy), or import evenkeel/kernels.wasm as a ' +
    'module and hand it to useModule'
  );
}

/** Chromium and Firefox refuse to compile what they do not allow, WebKit only to instantiate it. */
function starts(module: readonly number[]): boolean {
  try {
    new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(module)));
    return true;
  } catch {
    return false;
  }
}
