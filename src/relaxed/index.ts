/** evenkeel/relaxed: the kernels with fused multiply-add, for who prefers speed to the same bits. */
import { RELAXED_WASM } from '../generated/relaxed.ts';
import { compile, provide, started } from '../runtime/engine.ts';
import { unpack } from '../runtime/unpack.ts';

let chosen = false;

/**
 * Has all arithmetic run on the relaxed kernels: a·b + c rounds once, as one fused instruction, where
 * the engine has it, and twice where it has not.
 *
 * Matrix products and convolutions gain most. **Given up is that results are the same bits
 * everywhere**: each engine and processor may round in its own way, within the usual error of float32. It
 * is a choice for the whole program, made before anything of evenkeel has run.
 *
 * ```ts
 * import { useRelaxed } from 'evenkeel/relaxed';
 *
 * useRelaxed(); // first of all; throws where the engine has no relaxed SIMD
 * ```
 *
 * To take what there is: `try { useRelaxed(); } catch { }`. After an error the strict kernels serve as
 * if it had not been called. A second call does nothing.
 *
 * @throws Error where a layer, Parameter, optimizer or loss has already started the strict kernels, and
 *   where the engine has no relaxed SIMD (Chrome 114, Firefox 145, Node 22, Deno and Bun have it; Safari
 *   has not, Node 20 with `--experimental-wasm-relaxed-simd` only)
 */
export function useRelaxed(): void {
  if (chosen) return;
  if (started()) {
    throw new Error(
      'useRelaxed: the strict kernels have already started: call it before the first layer, ' +
        'Parameter or loss is made',
    );
  }
  const bytes = unpack(RELAXED_WASM);
  if (typeof WebAssembly === 'undefined' || !WebAssembly.validate(bytes)) {
    throw new Error(
      'useRelaxed: this runtime has no relaxed SIMD (Chrome 114, Firefox 145, Node 22, Deno and Bun ' +
        'have it, Node 20 with --experimental-wasm-relaxed-simd): without useRelaxed() the strict ' +
        'kernels run',
    );
  }
  provide(compile(bytes));
  chosen = true;
}
