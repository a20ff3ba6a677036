/** The relaxed kernels that come with the package: packed into its text. */
import { RELAXED_WASM } from '../generated/relaxed.ts';
import { compile } from '../runtime/compile.ts';

export function builtin(): WebAssembly.Module {
  return compile(RELAXED_WASM);
}
