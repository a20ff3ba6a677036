/**
 * Unpacks the kernels before they are compiled. It is a separate module (scripts/kernels.ts). In JavaScript
 * the same code would run in the interpreter, and would take longer than the rest of the start-up.
 *
 * A module is read as symbols of a few kinds: opcodes, locals, offsets and so on. A symbol is a sequence of binary
 * decisions. Each is predicted by what followed in the same contexts before, and by the symbol that followed when the
 * last symbols were the same. The predictions are mixed in the logistic domain, with weights that learn (Mahoney
 * 2005), and a range coder (Martin 1979) codes the decision with the mixed probability.
 *
 * scripts/pack.ts packs with the same code, compiled with ENCODE = 1: then `out` holds the module already, and the
 * decisions and their probabilities are written instead of read.
 *
 * Memory holds, from address 0, what is learned, then from SYMBOLS on a byte for each symbol. Whoever unpacks a module
 * that was packed after another gives it the memory that the other left. All is zero at the start.
 */

// What stays from one module to the next.
const COUNT: usize = 0; // symbols so far (u32)
const OPCODES: usize = 4; // opcodes so far (u32)
const TABLE: usize = 64; // their bytes (u32 each), the most frequent first
const LOCALS: usize = TABLE + 4 * 512; // 0, 1, 2, … (u16 each)
const RECENT: usize = LOCALS + 2 * 1024; // a function's locals, the last one first (u16 each)
const MATCHES: usize = RECENT + 2 * 1024; // by length: the opinion that the match goes on (f32 each)
const COUNTS: usize = 0x3000; // of opcodes, when packing
const LAST: usize = 0x4000; // where the last four symbols were seen before: 2¹⁴ places (u32 each)
const SLOTS: usize = LAST + 0x10000; // statistics of contexts: 2¹⁹ opinions (i16 each)
const SLOT_BITS = 19;
const SYMBOLS: usize = SLOTS + (2 << SLOT_BITS);

// The kinds of symbols.
const OTHER = 0;
const OPCODE = 1;
const LOCAL = 2;
const ALIGNMENT = 3;
const OFFSET = 4;
const NUMBER = 5;
const FLOAT = 6;
const TYPE = 7;
const INDEX = 8;
const LANE = 9;
const VECTOR = 10;

/** How fast opinions, which are in units of 2⁻¹¹, change; an error of 1 is 4096. */
const RATE = 563;
const MATCH_RATE = 51;
/** A match is certain if it has this length: then the first decision is whether it goes on. */
const CERTAIN = 8;
/** The longest match that is told from longer ones. */
const LONGEST = 31;

let out: usize; // where the next byte goes
let text: usize; // where decisions are read (or written)
let code: i32 = 0;
let range: i32 = 1;

let symbols: usize; // where the next symbol goes
let place: usize = 0; // of the symbol that is expected
let length: i32 = 0; // of the match before it
let four: u32 = 0; // the last four symbols
let opcodes: u32 = 0; // the last four opcodes
let local: u32 = 0; // the last local
let near: u32; // the context of what stands before the symbol: a hash
let far: u32; // the context of the last opcodes

/**
 * Reads a decision that has the chance of a 1, in units of 1/4096: `code` is in [0, range), and below the bound for a
 * 1. A character of the text is six bits: 0x28 to 0x4a, then 0x61 to 0x7d. These are the most frequent characters of
 * JavaScript in two ranges, because gzip shares its codes between the text and the code beside it (0.4 kB less).
 */
function read(chance: i32): i32 {
  while (range <= 0x40000) {
    const digit: i32 = load<u8>(text++);
    range <<= 6;
    code = (code << 6) + digit - (digit > 0x4a ? 0x3e : 0x28);
  }
  const bound = (range >> 12) * chance;
  if (code < bound) {
    range = bound;
    return 1;
  }
  code -= bound;
  range -= bound;
  return 0;
}

/**
 * A decision of the symbol: `node` says which one, `likely` is what the match expects. `known` is the decision, when
 * packing. Each context, and each length of a match, has an opinion x of the decision, which learns from the error.
 *
 *   p = 1/(1 + 2^−Σx), with a power that is linear between whole numbers
 *   x ← x + RATE·(decision − p)
 */
function decide(node: u32, likely: i32, known: i32): i32 {
  const a = slotOf(near, node);
  const b = slotOf(far, node);
  const match = MATCHES + 2 * min(length, LONGEST);
  const trust = length ? <i32>load<i16>(match) : 0;
  const x = <i32>load<i16>(a) + <i32>load<i16>(b) + (likely ? trust : -trust);
  const power = reinterpret<f32>((x << 12) + 0x3f800000);
  const chance = 1 + <i32>((<f32>4094 * power) / (1 + power));

  let bit: i32;
  if (ENCODE) {
    bit = known;
    store<u16>(text, (chance << 1) | bit);
    text += 2;
  } else {
    bit = read(chance);
  }

  const error = (bit << 12) - chance;
  const step = (error * RATE) >> 10;
  store<i16>(a, <i32>load<i16>(a) + step);
  store<i16>(b, <i32>load<i16>(b) + step);
  if (length) {
    store<i16>(match, trust + (((likely ? error : -error) * MATCH_RATE) >> 10));
    if (bit != likely) length = 0;
  }
  return bit;
}

/**
 * Where the opinion of a context about a decision is. The first decisions of a symbol are close together.
 * @inline
 */
function slotOf(context: u32, node: u32): usize {
  const line = (context + (node >> 4) * 0x61c88647) >> (36 - SLOT_BITS);
  return SLOTS + 32 * line + 2 * (node & 15);
}

/** Spreads a key over 32 bits. */
function hash(key: u32): u32 {
  key *= 0x9e3779b1;
  return (key ^ (key >> 15)) * 0x2c1b3c6d;
}

/**
 * A symbol, given its kind and what is near it. A value v is the number v + 1: how many digits follow its leading
 * one, then the digits.
 */
function symbol(kind: u32, before: u32, known: u32): u32 {
  const key = (kind + 1) * 0x85ebca6b;
  near = hash(before * 0x2f0b4c47 + key);
  far = hash(opcodes * 0x3d4d51cb + key + 1);
  const slot = LAST + (((four * 0x9e3779b1) >> 18) << 2);
  if (!length) {
    place = load<u32>(slot);
    if (place) {
      while (length < LONGEST && load<u8>(place - 1 - length) == load<u8>(symbols - 1 - length))
        length++;
    }
  }
  store<u32>(slot, symbols);

  const expected = 1 + <u32>load<u8>(place);
  let value: u32 = 1;
  if (length < CERTAIN || !decide(15, 1, <i32>(known + 1 == expected))) {
    known++;
    let digits: u32 = 0;
    while (decide(digits, <i32>(expected >> digits > 1), <i32>(known >> digits > 1))) digits++;
    for (let i = digits; i-- > 0; ) {
      const node = 16 * digits + (value & 15) + (value >> 4) * 256;
      value = 2 * value + decide(node, (expected >> i) & 1, (known >> i) & 1);
    }
  } else {
    value = expected;
  }
  value--;
  store<u8>(symbols++, value);
  four = (four << 8) | (value & 255);
  if (length) {
    if (load<u8>(place) == <u8>value) {
      length++;
      place++;
    } else {
      length = 0;
    }
  }
  return value;
}

/** A byte of the module. */
function byte(kind: u32): u32 {
  const value = symbol(kind, four & 255, ENCODE ? load<u8>(out) : 0);
  store<u8>(out++, value);
  return value;
}

function bytes(kind: u32, count: u32): void {
  for (; count > 0; count--) byte(kind);
}

/** A number in LEB128. */
function number(kind: u32): u32 {
  let value: u32 = 0;
  let digit: u32;
  let shift: u32 = 0;
  do {
    digit = byte(kind);
    value |= (digit & 127) << shift;
    shift += 7;
  } while (digit > 127);
  return value;
}

/**
 * The opcode at `out`, which is one byte, or a prefix and a number of one byte or two; and its place in the table.
 * Only packing needs it, which adds opcodes that are new, and counts.
 */
function rank(): u32 {
  let opcode: u32 = load<u8>(out);
  if (opcode >= 0xfc) opcode = load<u32>(out) & (load<i8>(out, 1) < 0 ? 0xffffff : 0xffff);
  const count = load<u32>(OPCODES);
  let at: u32 = 0;
  while (at < count && load<u32>(TABLE + 4 * at) != opcode) at++;
  if (at == count) {
    store<u32>(TABLE + 4 * at, opcode);
    store<u32>(OPCODES, count + 1);
  }
  store<u32>(COUNTS + 4 * at, load<u32>(COUNTS + 4 * at) + 1);
  return at;
}

/** The place of the local at `out` among the recent ones, when packing. */
function recency(): u32 {
  const first: u32 = load<u8>(out);
  const index = first < 128 ? first : (first & 127) | (load<u8>(out, 1) << 7);
  let at: u32 = 0;
  while (load<u16>(RECENT + 2 * at) != index) at++;
  return at;
}

/** A local as its place among the recent ones; it becomes the first of them. */
function localIndex(): void {
  const at = symbol(LOCAL, (local << 8) + (opcodes & 255), ENCODE ? recency() : 0);
  local = load<u16>(RECENT + 2 * at);
  memory.copy(RECENT + 2, RECENT, 2 * at);
  store<u16>(RECENT, local);
  if (local > 127) store<u8>(out++, local | 128);
  store<u8>(out++, local > 127 ? local >> 7 : local);
}

/** An instruction with its immediates. */
function instruction(): void {
  const ranked = symbol(OPCODE, opcodes & 255, ENCODE ? rank() : 0);
  opcodes = (opcodes << 8) + ranked;
  const opcode = load<u32>(TABLE + 4 * ranked);
  if (!ENCODE) store<u32>(out, opcode);
  const first = opcode & 0xff;
  out += 1 + <usize>(first >= 0xfc) + ((opcode >> 15) & 1);
  const simd = first == 0xfd ? (opcode >> 8) & 0xff : 0xff;
  if (first - 0x20 <= 2) {
    localIndex();
  } else if (first - 0x02 <= 2) {
    store<u8>(out, symbol(TYPE, 0, load<u8>(out) ^ 0x40) ^ 0x40); // 0x40 is "no result", and the most frequent
    out++;
  } else if (first - 0x0c <= 1 || first == 0x10) {
    number(INDEX); // br, br_if, call
  } else if (first - 0x28 <= 0x16 || simd <= 11 || simd - 84 <= 9) {
    number(ALIGNMENT);
    number(OFFSET);
    if (simd - 84 <= 7) byte(LANE);
  } else if (first - 0x41 <= 1) {
    number(NUMBER);
  } else if (first - 0x43 <= 1) {
    bytes(FLOAT, first == 0x43 ? 4 : 8);
  } else if (simd - 12 <= 1) {
    bytes(VECTOR, 16);
  } else if (simd - 21 <= 13) {
    byte(LANE);
  } else if (opcode == 0xafc || opcode == 0xbfc) {
    bytes(OTHER, opcode == 0xafc ? 2 : 1); // memory.copy, memory.fill
  }
}

/** The functions: each has a size, groups of locals, and instructions. */
function functions(): void {
  for (let count = number(OTHER); count > 0; count--) {
    const size = number(OTHER);
    const end = out + size;
    for (let groups = number(OTHER); groups > 0; groups--) {
      number(OTHER);
      byte(OTHER);
    }
    memory.copy(RECENT, LOCALS, 2 * 1024);
    while (out < end) instruction();
  }
}

/**
 * Writes a module to [from, end), from the text at `packed`. Packs it with `fresh` opcodes that stand in the table
 * after those of modules before, and returns the end of what is written.
 */
export function unpack(from: usize, end: usize, packed: usize, fresh: u32): usize {
  out = from;
  text = packed;
  symbols = SYMBOLS + load<u32>(COUNT);
  for (let i = 0; i < 1024; i++) store<u16>(LOCALS + 2 * i, i);
  let opcode = TABLE + 4 * load<u32>(OPCODES);
  fresh = symbol(OTHER, 0, fresh);
  store<u32>(OPCODES, load<u32>(OPCODES) + fresh);
  for (; fresh > 0; fresh--, opcode += 4) {
    for (let i: u32 = 0; i < 3; i++) {
      store<u8>(opcode + i, symbol(OTHER, i, load<u8>(opcode + i)));
    }
  }
  bytes(OTHER, 8); // magic number, version
  while (out < end) {
    const section = byte(OTHER);
    const size = number(OTHER);
    if (section == 10) functions();
    else bytes(OTHER, size);
  }
  store<u32>(COUNT, symbols - SYMBOLS);
  return text;
}
