/**
 * evenkeel/relaxed: the kernels with fused multiply-add. Use them if you prefer speed to identical bits
 * across engines.
 */
import { provide, started } from '../runtime/engine.ts';
import { builtin, RELAXED_WASM } from './builtin.ts';

/** The smallest module with a relaxed instruction: a function that returns f32x4.relaxed_madd of constants. */
const PROBE = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // magic number, version
  ...[1, 5, 1, 0x60, 0, 1, 0x7b], // types: () → v128
  ...[3, 2, 1, 0], // functions: one of type 0
  ...[10, 19, 1, 17, 0], // code: a body of 17 bytes without locals
  ...[0x41, 1, 0xfd, 15, 0x41, 1, 0xfd, 15, 0x41, 1, 0xfd, 15], // three times i8x16.splat(1)
  ...[0xfd, 0x85, 2, 0x0b], // f32x4.relaxed_madd, end
);

let chosen = false;

/**
 * Switches the whole program to the relaxed kernels, in which a·b + c may be one fused instruction that
 * rounds once. The strict kernels always round twice.
 *
 * Matrix products and convolutions gain most. **Results are no longer the same bits everywhere**: engines
 * and processors may round differently, within the usual error of float32. Call it before anything else
 * of evenkeel.
 *
 * ```ts
 * import { useRelaxed } from 'evenkeel/relaxed';
 *
 * useRelaxed(); // throws if the engine has no relaxed SIMD
 * ```
 *
 * To use the relaxed kernels only if the engine has them, write `try { useRelaxed(); } catch { }`: after
 * an error the strict kernels run. A second call does nothing.
 *
 * @throws Error if a layer, Parameter, optimizer or loss has already started the strict kernels
 * @throws Error if the engine has no relaxed SIMD. Chrome 114, Firefox 145, Node 22, Deno and Bun have it;
 *   Node 20 has it with `--experimental-wasm-relaxed-simd`; Safari does not.
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
      'useRelaxed: this runtime has no relaxed SIMD: use Chrome 114, Firefox 145, Node 22, Deno or Bun ' +
        '(Node 20 with --experimental-wasm-relaxed-simd), or leave out useRelaxed() to run the strict ' +
        'kernels',
    );
  }
  provide(builtin(), RELAXED_WASM);
  chosen = true;
}
