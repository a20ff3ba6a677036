/** The relaxed kernels for workerd, which imports a `.wasm` file as a module. */
import module from './relaxed.wasm';

export function builtin(): WebAssembly.Module {
  return module;
}
