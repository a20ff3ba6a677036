/**
 * Packs a wasm module for assembly/unpack.ts, whose code, compiled for packing, finds the decisions and their
 * chances. This file orders the opcodes, and codes the decisions.
 */
import { readFileSync } from 'node:fs';
import type { Packed } from '../src/runtime/unpack.ts';

/** Addresses, as in assembly/unpack.ts. */
const COUNT = 0;
const OPCODES = 4;
const TABLE = 64;
const COUNTS = 0x3000;
const SYMBOLS = 0x114000;

const PAGE = 65_536;
/** More than the bytes of decisions that a byte takes. */
const MOST = 48;

let packer: WebAssembly.Module | undefined;

/** A module as text, and what the packer has learned from it. */
export interface Learned extends Packed {
  readonly memory: WebAssembly.Memory;
}

/** The module as text; `after` is one that is unpacked before it, and learned from. */
export function pack(bytes: Uint8Array, after?: Learned): Learned {
  const { fresh } = run(bytes, [], after);
  const { memory, decisions } = run(bytes, fresh, after);
  return { text: encode(decisions), size: bytes.length, ...(after && { after }), memory };
}

/** One pass over the module, with its new opcodes in the order of their ranks, as far as they are known. */
function run(bytes: Uint8Array, opcodes: readonly number[], after?: Learned) {
  packer ??= new WebAssembly.Module(readFileSync('build/pack.wasm'));
  const learned = after ? new DataView(after.memory.buffer) : undefined;
  const known = learned?.getUint32(OPCODES, true) ?? 0;
  const before = SYMBOLS + (learned?.getUint32(COUNT, true) ?? 0);
  const from = 4 * Math.ceil((before + bytes.length) / 4) + 2048;
  const end = from + 4 * Math.ceil(bytes.length / 4);
  const pages = Math.ceil((end + MOST * (bytes.length + 1000)) / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages });
  const all = new Uint8Array(memory.buffer);
  if (after) all.set(new Uint8Array(after.memory.buffer, 0, before));
  all.set(bytes, from);
  const words = new Uint32Array(memory.buffer);
  words.set(opcodes, TABLE / 4 + known);
  words.fill(0, COUNTS / 4, COUNTS / 4 + 512);
  const { exports } = new WebAssembly.Instance(packer, { env: { memory } });
  const { unpack } = exports as { unpack(...addresses: number[]): number };
  const last = unpack(from, from + bytes.length, end, opcodes.length);
  const count = words[OPCODES / 4]!;
  const ranked = Array.from({ length: count - known }, (_, i) => known + i)
    .sort((a, b) => words[COUNTS / 4 + b]! - words[COUNTS / 4 + a]!)
    .map((i) => words[TABLE / 4 + i]!);
  const decisions = new Uint16Array(memory.buffer, end, (last - end) / 2);
  return { memory, fresh: ranked, decisions };
}

/**
 * The range coder, the inverse of the unpacker's: each decision narrows an interval, [low, low + range). A decision
 * is its chance of a 1 in units of 1/4096, and the bit.
 */
function encode(decisions: Uint16Array): string {
  const digits: number[] = [];
  let low = 0;
  let range = 2 ** 24;
  const shift = (): void => {
    const digit = low >>> 18;
    if (digit > 63) for (let i = digits.length - 1; ++digits[i]! > 63; i--) digits[i] = 0;
    digits.push(digit & 63);
    low = (low & 0x3ffff) << 6;
    range *= 64;
  };
  for (const decision of decisions) {
    while (range <= 0x40000) shift();
    const bound = (range >>> 12) * (decision >> 1);
    if (decision & 1) {
      range = bound;
    } else {
      low += bound;
      range -= bound;
    }
  }
  for (let i = 0; i < 4; i++) shift();
  let text = '';
  for (const digit of digits) text += String.fromCharCode(digit + (digit > 0x22 ? 0x3e : 0x28));
  return text;
}
