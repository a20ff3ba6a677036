import { STAMP } from '../generated/stamp.ts';
import { provide, started } from './engine.ts';
import type { WasmModule } from './wasm.ts';

/**
 * Makes the kernels start from a module that you compiled or imported, instead of the one in the package's
 * JavaScript. The module must be `evenkeel/kernels.wasm` of the same version. Use it on platforms that
 * refuse to compile bytes but let you import modules, and on pages that should stream and cache the file.
 *
 * ```ts
 * import { useModule } from 'evenkeel';
 *
 * useModule(await WebAssembly.compileStreaming(fetch('/kernels.wasm'))); // before the first layer
 * ```
 *
 * Under the export condition `workerd` (Cloudflare Workers) the package imports the module itself.
 *
 * @throws Error if a layer, Parameter, optimizer or loss has already started the kernels
 * @throws TypeError if `module` is not a WebAssembly.Module, or not the kernels of this version
 */
export function useModule(module: WasmModule): void {
  if (started()) {
    throw new Error(
      'useModule: the kernels have already started: call it before the first layer, Parameter or ' +
        'loss is made',
    );
  }
  // Not by instanceof: in edge runtimes the module may come from another realm.
  const kind = Object.prototype.toString.call(module).slice(8, -1);
  if (kind !== 'WebAssembly.Module') {
    throw new TypeError(
      `useModule: expected a WebAssembly.Module, got ${kind}: ` +
        'WebAssembly.compile(bytes) makes one',
    );
  }
  const [section] = WebAssembly.Module.customSections(module, 'evenkeel');
  const stamp = section ? String.fromCharCode(...new Uint8Array(section)) : 'none';
  if (stamp !== STAMP) {
    throw new TypeError(
      `useModule: expected the kernels of this version (stamp ${STAMP}), got a module with stamp ` +
        `${stamp}: use evenkeel/kernels.wasm of the same package, and do not strip its custom section`,
    );
  }
  provide(module);
}
