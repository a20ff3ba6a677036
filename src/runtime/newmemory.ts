/**
 * A WebAssembly memory.
 *
 * @throws RangeError if the runtime has none to give
 */
export function newMemory(descriptor: WebAssembly.MemoryDescriptor): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory(descriptor);
  } catch (cause) {
    if (typeof WebAssembly === 'undefined') throw cause;
    throw new RangeError(
      'evenkeel: no memory could be had for the WebAssembly kernels (see cause): close other pages or ' +
        'programs, or raise the limit of memory or address space',
      { cause },
    );
  }
}
