/**
 * Unpacks the kernels from the text in the bundle. A small wasm module (assembly/unpack.ts) does the
 * work, because wasm runs at full speed from the first byte on, without warming up.
 */
import { UNPACKER } from '../generated/unpacker.ts';
import { newMemory } from './newmemory.ts';

/** A module packed by scripts/pack.ts. */
export interface Packed {
  /** ASCII text. */
  readonly text: string;
  /** The module's size in bytes. */
  readonly size: number;
  /** The module that the packer had learned from before. */
  readonly after?: Packed;
}

const PAGE = 65_536;
/** Where the unpacker's memory has its symbols, and the most that are no bytes of the module: opcodes. */
const SYMBOLS = 0x114000;
const OPCODES = 2048;

let unpacker: WebAssembly.Module | undefined;

/** What was learned from a module. It has a megabyte, so the collector may take it. */
const learned = /* @__PURE__ */ new WeakMap<Packed, WeakRef<WebAssembly.Memory>>();

/** Returns the bytes of a packed module. */
export function unpack(packed: Packed): Uint8Array<ArrayBuffer> {
  return run(packed).bytes;
}

function run(packed: Packed): { bytes: Uint8Array<ArrayBuffer>; memory: WebAssembly.Memory } {
  const { text, size, after } = packed;
  const known = after && (learned.get(after)?.deref() ?? run(after).memory);
  const before = known ? new Uint8Array(known.buffer) : new Uint8Array(4);
  const start = SYMBOLS + new DataView(before.buffer).getUint32(0, true);
  const from = start + size + OPCODES;
  const end = from + size;
  const memory = newMemory({ initial: Math.ceil((end + text.length) / PAGE) });
  const bytes = new Uint8Array(memory.buffer);
  bytes.set(before.subarray(0, start));
  new TextEncoder().encodeInto(text, bytes.subarray(end));
  unpacker ??= new WebAssembly.Module(
    Uint8Array.from(UNPACKER.match(/../g)!, (digits) => Number.parseInt(digits, 16)),
  );
  const { exports } = new WebAssembly.Instance(unpacker, { env: { memory } });
  (exports as { unpack(from: number, end: number, packed: number): void }).unpack(from, end, end);
  if (!after) learned.set(packed, new WeakRef(memory));
  return { bytes: bytes.subarray(from, end), memory };
}
