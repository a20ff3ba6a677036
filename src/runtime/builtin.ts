/** The kernels that come with the package: packed into its text, compiled at first use. */
import { WASM } from '../generated/wasm.ts';
import { compile } from './compile.ts';

export function builtin(): WebAssembly.Module {
  return compile(WASM);
}
