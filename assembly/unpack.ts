/**
 * Unpacks the kernels before they are compiled: a module of its own (scripts/kernels.ts), not
 * one of them. In JavaScript the same would run in the interpreter, for longer than all else of a start.
 *
 * What scripts/pack.ts wrote is a row of yes-no decisions: "this byte", or "these bytes again, from so far
 * back" (Lempel and Ziv 1977). A range coder (Martin 1979) spends on each decision what those before it
 * in the same context have made it worth.
 *
 * Memory holds, from address 0: code, range and read position (i32 each); at 64 the contexts, 4 bytes
 * each: the chance of a 1 less 1/2 in 1/65536 (i16), decisions seen (u16). All zero to begin with.
 */

/** Where each kind of decision keeps its contexts; scripts/pack.ts has the same numbers. */
const COPY = 64; // is it a copy? by whether the last two were and by the byte before
const AGAIN = COPY + 4 * 1024; // from as far back as the last copy? by the same two
const LENGTH = AGAIN + 4 * 4; // two numbers: after a new distance, after the last one again
const DISTANCE = LENGTH + 2 * 4 * 640; // three numbers: for copies of 2, 3 and more bytes
const LITERAL = DISTANCE + 3 * 4 * 640; // 32 classes of 256

const CODE: usize = 0;
const RANGE: usize = 4;
const READ: usize = 8;

/** Decisions after which a chance moves by the same share each time. */
const SETTLED = 19;

/**
 * A decision in a context: `code` stands in [0, range), below the bound for a 1. A character of the text
 * is six bits: 0x28 and on, but 0x68 for the backslash 0x5c, which a string would have to escape.
 */
function bit(context: usize): i32 {
  let code = load<i32>(CODE);
  let range = load<i32>(RANGE);
  while (range <= 0x40000) {
    const read = load<usize>(READ);
    const digit: i32 = load<u8>(read);
    range <<= 6;
    code = (code << 6) + (digit == 0x68 ? 0x5c : digit) - 0x28;
    store<usize>(READ, read + 1);
  }
  const chance = <i32>load<i16>(context) + 32768;
  const seen = <i32>load<u16>(context, 2);
  const step = 32768 / (2 * seen + 3);
  const bound = (range >> 12) * (chance >> 4);
  if (seen < SETTLED) store<u16>(context, seen + 1, 2);
  const yes = code < bound;
  if (yes) {
    store<i32>(CODE, code);
    store<i32>(RANGE, bound);
    store<i16>(context, chance + (((65536 - chance) * step) >> 14) - 32768);
  } else {
    store<i32>(CODE, code - bound);
    store<i32>(RANGE, range - bound);
    store<i16>(context, chance - ((chance * step) >> 14) - 32768);
  }
  return <i32>yes;
}

/** A number from 1: how many digits follow its leading one, then the digits. */
function number(context: usize): i32 {
  let digits = 0;
  while (bit(context + 4 * digits)) digits++;
  let value = 1;
  for (let i = digits - 1; i >= 0; i--) {
    const digit = value < 8 ? value : 8 + i;
    value = 2 * value + bit(context + 4 * (32 * (digits + 1) + digit));
  }
  return value;
}

/** Which of 32 kinds of place in a wasm function stands behind the bytes `before`, `last`. */
function classOf(before: i32, last: i32): i32 {
  if (last >= 0x20 && last <= 0x22) return last - 0x20; // local.get, set, tee: a local comes
  if (last == 0xfd) return 3; // a SIMD instruction comes
  if (last == 0x41) return 4; // a constant comes
  if (before >= 0x20 && before <= 0x22) return before - 0x20 + 5; // that was a local
  if (before == 0xfd) return 8 + (last >> 5); // that was a SIMD instruction
  return 16 + (last >> 4);
}

/** Writes bytes [out, end) from the text at `packed`; the two bytes before `out` must be zero. */
export function unpack(out: usize, end: usize, packed: usize): void {
  store<i32>(RANGE, 1);
  store<usize>(READ, packed);
  let distance: usize = 1;
  let past = 0;
  while (out < end) {
    const before = <i32>load<u8>(out - 2);
    const last = <i32>load<u8>(out - 1);
    const copy = bit(COPY + 4 * (256 * past + last));
    if (copy) {
      const again = bit(AGAIN + 4 * past);
      let length = number(LENGTH + 4 * 640 * again);
      if (!again) {
        distance = number(DISTANCE + 4 * 640 * (min(length, 3) - 1));
        length++;
      }
      for (; length > 0; length--) {
        store<u8>(out, load<u8>(out - distance));
        out++;
      }
    } else {
      const context: usize = LITERAL + 1024 * classOf(before, last);
      let node = 1;
      while (node < 256) node = 2 * node + bit(context + 4 * node);
      store<u8>(out, node);
      out++;
    }
    past = ((past << 1) & 2) | copy;
  }
}
