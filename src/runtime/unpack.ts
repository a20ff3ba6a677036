/**
 * Unpacks the kernels from the text that stands for them. The work is done by a tiny wasm module
 * (assembly/unpack.ts), which runs at full speed from its first byte on.
 */
import { UNPACKER } from '../generated/unpacker.ts';

/** What scripts/pack.ts made of a module: ASCII text, and how many bytes it stands for. */
export interface Packed {
  readonly text: string;
  readonly size: number;
}

const PAGE = 65_536;

/** The packed module's bytes. */
export function unpack({ text, size }: Packed): Uint8Array<ArrayBuffer> {
  const end = PAGE + size;
  const pages = 1 + Math.ceil((end + text.length) / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages });
  const bytes = new Uint8Array(memory.buffer);
  new TextEncoder().encodeInto(text, bytes.subarray(end));
  const module = new WebAssembly.Module(Uint8Array.from(atob(UNPACKER), (c) => c.charCodeAt(0)));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  (exports as { unpack(out: number, end: number, packed: number): void }).unpack(PAGE, end, end);
  return bytes.subarray(PAGE, end);
}
