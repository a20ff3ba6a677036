/** Compiles packed kernels, synchronously. */
import { refusal } from './refusal.ts';
import { type Packed, unpack } from './unpack.ts';

/**
 * Unpacks and compiles a module.
 *
 * @throws Error if the runtime does not compile it; the message names the cause and the way out
 */
export function compile(packed: Packed): WebAssembly.Module {
  try {
    return new WebAssembly.Module(unpack(packed));
  } catch (cause) {
    throw refusal(cause);
  }
}
