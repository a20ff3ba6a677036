/** evenkeel/relaxed: the kernels with fused multiply-add, for who prefers speed to the same bits. */
import { provide, started } from '../runtime/engine.ts';
import { builtin } from './builtin.ts';

/** The least module with a relaxed instruction: a function that gives f32x4.relaxed_madd of constants. */
const PROBE = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // magic, version
  ...[1, 5, 1, 0x60, 0, 1, 0x7b], // types: () → v128
  ...[3, 2, 1, 0], // functions: one of type 0
  ...[10, 19, 1, 17, 0], // code: a body of 17 bytes without locals
  ...[0x41, 1, 0xfd, 15, 0x41, 1, 0xfd, 15, 0x41, 1, 0xfd, 15], // three times i8x16.splat(1)
  ...[0xfd, 0x85, 2, 0x0b], // f32x4.relaxed_madd, end
);

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
  if (typeof WebAssembly === 'undefined' || !WebAssembly.validate(PROBE)) {
    throw new Error(
      'useRelaxed: this runtime has no relaxed SIMD (Chrome 114, Firefox 145, Node 22, Deno and Bun ' +
        'have it, Node 20 with --experimental-wasm-relaxed-simd): without useRelaxed() the strict ' +
        'kernels run',
    );
  }
  provide(builtin());
  chosen = true;
}
