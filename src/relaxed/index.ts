/**
 * evenkeel/relaxed: the kernels with fused multiply-add. Use them if you prefer speed to identical bits in
 * all engines.
 */
import { bind, provide, started } from '../runtime/engine.ts';
import { newMemory } from '../runtime/newmemory.ts';
import type { WasmModule } from '../runtime/wasm.ts';
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

/** How an engine computes a·b + c in the relaxed kernels: rounded once, or twice. */
export type Rounding = 'fused' | 'unfused';

let chosen: Rounding | undefined;

/**
 * Switches the whole program to the relaxed kernels, in which a·b + c is one fused instruction where the
 * engine and the processor have one. Matrix products and convolutions gain most. Call it before anything else
 * of evenkeel.
 *
 * ```ts
 * import { useRelaxed } from 'evenkeel/relaxed';
 *
 * const rounding = useRelaxed(); // throws if the engine has no relaxed SIMD
 * ```
 *
 * Nothing else differs from the strict kernels, so there are two results, and the return value tells which
 * one this engine gives:
 *
 * - `'fused'`: a·b + c is rounded once. **All engines that fuse give the same bits**, but not those of the
 *   strict kernels; the two differ within the usual error of float32.
 * - `'unfused'`: a·b + c is rounded twice, as in the strict kernels, and the bits are theirs.
 *
 * To reproduce a relaxed training run, use an engine that gives the same answer.
 *
 * To use the relaxed kernels only if the engine has them, write `try { useRelaxed(); } catch { }`: after
 * an error the strict kernels run. A second call does nothing, and returns the same.
 *
 * @returns `'fused'` or `'unfused'`, found by one multiplication
 * @throws Error if a layer, Parameter, optimizer or loss has already started the strict kernels
 * @throws Error if the engine has no relaxed SIMD. Chrome 114, Firefox 145, Node 22, Deno and Bun have it;
 *   Node 20 has it with `--experimental-wasm-relaxed-simd`; Safari does not.
 */
export function useRelaxed(): Rounding {
  if (chosen) return chosen;
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
  const module = builtin();
  chosen = roundingOf(module);
  provide(module, RELAXED_WASM);
  return chosen;
}

/**
 * How the module's a·b + c is rounded. (1 + 2⁻¹²)² is 1 + 2⁻¹¹ + 2⁻²⁴, whose last term does not fit into a
 * float32. If the product is rounded before 1 + 2⁻¹¹ is subtracted, nothing is left.
 *
 * The multiplication is a function of the kernels' module, because some platforms refuse to compile another.
 * It gets a memory of its own: the kernels must not start yet.
 */
function roundingOf(module: WasmModule): Rounding {
  const memory = newMemory({ initial: 1, maximum: 1 });
  const { multiplyAdd } = bind(module, memory) as { multiplyAdd(...x: number[]): number };
  const a = 1.000244140625; // 1 + 2⁻¹²
  return multiplyAdd(a, a, -1.00048828125) === 0 ? 'unfused' : 'fused';
}
