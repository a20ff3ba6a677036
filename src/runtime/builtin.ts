/** The core kernels of the package, which are packed in its JavaScript and compiled at first use. */
import { CORE_WASM } from './binaries.ts';
import { compile } from './compile.ts';

export function builtin(): WebAssembly.Module {
  return compile(CORE_WASM);
}
