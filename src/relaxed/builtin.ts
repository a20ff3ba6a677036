/** The relaxed kernels of the package, which are packed in its JavaScript. */
import { RELAXED_WASM } from '../generated/relaxed.ts';
import { compile } from '../runtime/compile.ts';

export { RELAXED_WASM };

export function builtin(): WebAssembly.Module {
  return compile(RELAXED_WASM);
}
