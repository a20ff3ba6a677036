/** The relaxed kernels where a `.wasm` is imported as a module: workerd. */
import module from './relaxed.wasm';

export function builtin(): WebAssembly.Module {
  return module;
}
