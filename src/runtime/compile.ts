/** Compiles packed kernels, synchronously. */
import { refusal } from './refusal.ts';
import { type Packed, unpack } from './unpack.ts';

/** A module from its packed bytes. @throws Error that names the cause and the way out */
export function compile(packed: Packed): WebAssembly.Module {
  try {
    return new WebAssembly.Module(unpack(packed));
  } catch (cause) {
    throw refusal(cause);
  }
}
