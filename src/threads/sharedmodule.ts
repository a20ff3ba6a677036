/** The kernels for shared memory: the same code, with another import. */

const IMPORTS = 2;

/**
 * A module of kernels that imports a shared memory. It is the module given, byte by byte, except for the limits
 * of its only import: their flags say "shared", and there is a maximum, the whole address space.
 */
export function forSharedMemory(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let at = 8; // after magic number and version
  while (bytes[at] !== IMPORTS) {
    let size = bytes[++at]! & 127;
    for (let shift = 7; bytes[at]! > 127; shift += 7) size |= (bytes[++at]! & 127) << shift;
    at += 1 + size;
  }
  // section, size, one import: "env" "memory", a memory, flags: no maximum, at least one page
  const flags = at + 15;
  const shared = new Uint8Array(bytes.length + 3);
  shared.set(bytes.subarray(0, flags));
  shared.set([3, 1, 0x80, 0x80, 4], flags);
  shared.set(bytes.subarray(flags + 2), flags + 5);
  shared[at + 1]! += 3;
  return shared;
}
