/**
 * Unpacks the kernels before they are compiled. It is a separate module (scripts/kernels.ts). In JavaScript
 * the same code would run in the interpreter, and would take longer than the rest of the start-up.
 *
 * scripts/pack.ts writes a sequence of binary decisions that encode literal bytes and copies of earlier
 * bytes (Lempel and Ziv 1977). A range coder (Martin 1979) codes each decision with the probability
 * estimated from the earlier decisions in the same context.
 *
 * Memory holds, from address 0: code, range and read position (i32 each); at 64 the contexts, 4 bytes each:
 * the probability of a 1, minus 1/2, in units of 1/65536 (i16), and the number of decisions seen (u16). All
 * are zero at the start.
 */

/** The first context of each kind of decision; scripts/pack.ts has the same numbers. */
const COPY = 64; // is it a copy? by whether the last two were and by the byte before
const AGAIN = COPY + 4 * 1024; // from as far back as the last copy? by the same two
const LENGTH = AGAIN + 4 * 4; // two numbers: after a new distance, after the last one again
const DISTANCE = LENGTH + 2 * 4 * 640; // three numbers: for copies of 2, 3 and more bytes
const LITERAL = DISTANCE + 3 * 4 * 640; // 32 classes of 256

const CODE: usize = 0;
const RANGE: usize = 4;
const READ: usize = 8;

/** Number of decisions after which the adaptation rate of a probability stays constant. */
const SETTLED = 19;

/**
 * Decodes a decision in a context: `code` is in [0, range), and below the bound for a 1. A character of the
 * text is six bits: 0x28 to 0x4a, then 0x61 to 0x7d. These are the most frequent characters of JavaScript in
 * two ranges, because gzip shares its codes between the text and the code beside it (0.4 kB less).
 */
function bit(context: usize): i32 {
  let code = load<i32>(CODE);
  let range = load<i32>(RANGE);
  while (range <= 0x40000) {
    const read = load<usize>(READ);
    const digit: i32 = load<u8>(read);
    range <<= 6;
    code = (code << 6) + digit - (digit > 0x4a ? 0x3e : 0x28);
    store<usize>(READ, read + 1);
  }
  const chance = <i32>load<i16>(context) + 32768;
  const seen = <i32>load<u16>(context, 2);
  const step = 32768 / (2 * seen + 3);
  const bound = (range >> 12) * (chance >> 4);
  if (seen < SETTLED) store<u16>(context, seen + 1, 2);
  const yes = code < bound;
  store<i32>(CODE, yes ? code : code - bound);
  store<i32>(RANGE, yes ? bound : range - bound);
  store<i16>(context, chance + ((((<i32>yes) << 16) - chance) * step) / 16384 - 32768);
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

/** Which of 32 contexts a literal has, given the two bytes before it, `before` and `last`. */
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
