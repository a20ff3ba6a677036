/** The kernels where compiling is refused and a `.wasm` is imported as a module: workerd. */
import module from './kernels.wasm';

export function builtin(): WebAssembly.Module {
  return module;
}
