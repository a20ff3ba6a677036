/** The relaxed kernels for workerd, which imports a `.wasm` file as a module. */
import module from './relaxed.wasm';

/** There is no text to compile them from again. */
export const RELAXED_WASM = undefined;

export function builtin(): WebAssembly.Module {
  return module;
}
