/** The kernels that come with the package: packed into its text, compiled at first use. */
import { CORE_WASM } from '../generated/core.ts';
import { compile } from './compile.ts';

export function builtin(): WebAssembly.Module {
  return compile(CORE_WASM);
}
