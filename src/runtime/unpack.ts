/**
 * Unpacks the kernels from the text in the bundle. A tiny wasm module (assembly/unpack.ts) does the
 * work, because wasm runs at full speed from the first byte on, without warming up.
 */
import { UNPACKER } from '../generated/unpacker.ts';
import { newMemory } from './newmemory.ts';

/** A module packed by scripts/pack.ts: the ASCII text, and the module's size in bytes. */
export interface Packed {
  readonly text: string;
  readonly size: number;
}

const PAGE = 65_536;

/** Returns the bytes of a packed module. */
export function unpack({ text, size }: Packed): Uint8Array<ArrayBuffer> {
  const end = PAGE + size;
  const pages = 1 + Math.ceil((end + text.length) / PAGE);
  const memory = newMemory({ initial: pages });
  const bytes = new Uint8Array(memory.buffer);
  new TextEncoder().encodeInto(text, bytes.subarray(end));
  const module = new WebAssembly.Module(Uint8Array.from(atob(UNPACKER), (c) => c.charCodeAt(0)));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  (exports as { unpack(out: number, end: number, packed: number): void }).unpack(PAGE, end, end);
  return bytes.subarray(PAGE, end);
}
