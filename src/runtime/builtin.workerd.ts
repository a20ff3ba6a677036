/** The kernels for workerd, which refuses to compile bytes but imports a `.wasm` file as a module. */
import module from './kernels.wasm';

export function builtin(): WebAssembly.Module {
  return module;
}
