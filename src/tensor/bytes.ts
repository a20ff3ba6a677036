/** Reads the bytes that callers pass. */

// The getters themselves know buffers of another realm (a frame, node:vm), which `instanceof` does not.
const lengthOf = (prototype: object) =>
  Object.getOwnPropertyDescriptor(prototype, 'byteLength')!.get!;
const unshared = lengthOf(ArrayBuffer.prototype);
// A page that is not isolated has no SharedArrayBuffer.
const shared =
  typeof SharedArrayBuffer === 'undefined' ? undefined : lengthOf(SharedArrayBuffer.prototype);

/**
 * The bytes of a buffer or of a view on one, of any realm; undefined for everything else. Shared bytes are
 * copied, because another thread may write to them while they are read. Detached buffers have none.
 */
export function bytesOf(source: unknown): Uint8Array<ArrayBuffer> | undefined {
  const view = ArrayBuffer.isView(source) ? source : undefined;
  const buffer = view ? view.buffer : source;
  const own = lengthBy(unshared, buffer);
  const length = own ?? (shared && lengthBy(shared, buffer));
  if (length === undefined) return undefined;
  const [at, count] = view ? [view.byteOffset, view.byteLength] : [0, length];
  if (count === 0) return new Uint8Array(0);
  const bytes = new Uint8Array(buffer as ArrayBuffer, at, count);
  return own === undefined ? new Uint8Array(bytes) : bytes;
}

function lengthBy(getter: () => number, buffer: unknown): number | undefined {
  try {
    return getter.call(buffer);
  } catch {
    return undefined;
  }
}
