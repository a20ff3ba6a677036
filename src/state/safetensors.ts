import { bytesOf } from '../tensor/bytes.ts';
import { brief, describe } from '../tensor/check.ts';
import type { Input, Tensor } from '../tensor/tensor.ts';
import { tensorOf } from './elements.ts';
import { encode, layOut, type SafetensorsOptions } from './encode.ts';
import { byName, headerLength, parseHeader } from './header.ts';

/** The contents of a safetensors file. */
export interface Safetensors {
  /**
   * The tensors by name, ready for `loadStateDict`. Other element types are converted to float32; `item()` of a
   * tensor of shape [] gives its number in float64, so that counters are exact up to 2⁵³.
   */
  tensors: Record<string, Tensor>;
  /** The file's metadata: any names and texts. */
  metadata: Record<string, string>;
}

/**
 * Writes a state dict as a safetensors file, which PyTorch and related tools can read.
 *
 * ```ts
 * await writeFile('model.safetensors', saveSafetensors(model.stateDict()));
 * ```
 *
 * The format: the length of the header as a 64-bit number, a JSON header with each tensor's type, shape and
 * offsets, then the data. Tensors are float32, or float16 with `{ dtype: 'F16' }`, except
 * `num_batches_tracked`, which is int64 as in PyTorch. The same state always gives the same bytes.
 * `safetensorsChunks` gives them piece by piece.
 *
 * @param metadata names and texts to store in the header
 * @returns the bytes of the file
 * @throws TypeError if an entry does not hold numbers, or if a text of the metadata is none
 * @throws RangeError if an entry's data does not match its shape, if a counter is not a whole number, or if a
 *   number is larger than F16 holds
 */
export function saveSafetensors(
  state: Readonly<Record<string, Input>>,
  metadata: Readonly<Record<string, string>> = {},
  ...rest: [options?: SafetensorsOptions | undefined]
): Uint8Array<ArrayBuffer> {
  const who = 'saveSafetensors';
  const { head, parts, size } = layOut(who, state, metadata, rest);
  const file = new Uint8Array(size);
  file.set(head);
  let at = head.length;
  for (const part of parts) {
    file.set(encode(who, part), at);
    at += part.bytes;
  }
  return file;
}

/**
 * Reads a safetensors file from memory. `readSafetensors` reads one from a stream, a Blob or a Response.
 *
 * ```ts
 * model.loadStateDict(loadSafetensors(bytes).tensors);
 * ```
 *
 * Float64, float16, bfloat16, integers and booleans are converted to float32.
 *
 * The file may come from anywhere: a header that does not describe exactly the bytes behind it is refused, and no
 * more memory is taken than a small multiple of the file's size.
 *
 * @param source an ArrayBuffer, a SharedArrayBuffer, or a view of one
 * @throws TypeError if `source` is none of them
 * @throws RangeError if the bytes are not a safetensors file, are truncated, or have an unknown element
 *   type; if tensors overlap, leave gaps, or have the same name
 */
export function loadSafetensors(
  source: ArrayBuffer | SharedArrayBuffer | ArrayBufferView,
): Safetensors {
  const who = 'loadSafetensors';
  const bytes = bytesOf(source);
  if (!bytes) {
    throw new TypeError(
      `${who}: expected an ArrayBuffer or Uint8Array, got ${describe(source)}` +
        (typeof source === 'object' && source ? ': readSafetensors takes streams and Blobs' : ''),
    );
  }
  const start = 8 + headerLength(who, bytes.subarray(0, 9), bytes.length);
  const header = parseHeader(who, bytes.subarray(8, start));
  const { places, metadata } = header;
  for (const { name, to } of places) {
    if (start + to <= bytes.length) continue;
    throw new RangeError(
      `${who}: ${brief(name)}: expected a file of at least ${start + to} bytes, got ${bytes.length}: ` +
        'it is truncated',
    );
  }
  const end = start + (places.at(-1)?.to ?? 0);
  if (bytes.length > end) {
    throw new RangeError(
      `${who}: expected ${end} bytes, got ${bytes.length}: something stands behind the tensors`,
    );
  }
  const tensors = new Map<string, Tensor>();
  for (const { name, type, shape, from, to } of places) {
    tensors.set(name, tensorOf(type, shape, bytes.subarray(start + from, start + to)));
  }
  return { tensors: byName(header, tensors), metadata };
}
