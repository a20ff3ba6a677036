import { STAMP } from '../generated/stamp.ts';
import { provide, started } from './engine.ts';
import type { WasmModule } from './wasm.ts';

/**
 * Has the kernels start from a module that you compiled or imported, instead of the package's own:
 * `evenkeel/kernels.wasm` of the same version. It is for platforms that refuse to compile from bytes
 * and hand out modules another way, and for pages that would rather stream and cache the file.
 *
 * ```ts
 * import { useModule } from 'evenkeel';
 *
 * useModule(await WebAssembly.compileStreaming(fetch('/kernels.wasm'))); // before the first layer
 * ```
 *
 * Under the `workerd` condition (Cloudflare Workers) the package does so by itself.
 *
 * @throws Error where a layer, Parameter, optimizer or loss has already started the kernels
 * @throws TypeError where `module` is no WebAssembly.Module, or not the kernels of this version
 */
export function useModule(module: WasmModule): void {
  if (started()) {
    throw new Error(
      'useModule: the kernels have already started: call it before the first layer, Parameter or ' +
        'loss is made',
    );
  }
  // By name: edge runtimes hand in modules of another realm, which are no instance of this one's.
  const kind = Object.prototype.toString.call(module).slice(8, -1);
  if (kind !== 'WebAssembly.Module') {
    throw new TypeError(
      `useModule: expected a WebAssembly.Module, got ${kind}; ` +
        'WebAssembly.compile(bytes) makes one of bytes',
    );
  }
  const [section] = WebAssembly.Module.customSections(module, 'evenkeel');
  const stamp = section ? String.fromCharCode(...new Uint8Array(section)) : 'none';
  if (stamp !== STAMP) {
    throw new TypeError(
      `useModule: expected the kernels of this version (stamp ${STAMP}), got a module with stamp ` +
        `${stamp}: take evenkeel/kernels.wasm from the same package, and keep its custom section`,
    );
  }
  provide(module);
}
