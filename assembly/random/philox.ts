/**
 * Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3" (SC 2011). A block is a function of nothing but a 64-bit key (the seed)
 * and a 64-bit counter: any part of a stream can be made anywhere, in any order, by any thread.
 *
 * Word i of a draw is word i mod 4 of block `counter` + ⌊i/4⌋.
 */
import { at, storePartial } from '../lanes';

/** Words that one call of `philox` makes. */
export const WORDS: i32 = 32;

/**
 * The 32 words of blocks [counter, counter + 8), to `words`.
 *
 * Each vector holds one word of four blocks, a0 … a3 those of the first four and b0 … b3 those of the others. A
 * round is
 *   (c0, c1, c2, c3) ← (hi(M1·c2) ⊕ c1 ⊕ k0, lo(M1·c2), hi(M0·c0) ⊕ c3 ⊕ k1, lo(M0·c0))
 * and between rounds the key grows by (W0, W1). A round waits for the one before it, so two sets of four blocks
 * side by side take 0.75 of the time.
 */
export function philox(
  words: usize, // [32] u32
  seed: u64,
  counter: u64,
): void {
  // Loaded: V8 would make constants of a `v128.const` anew in every round.
  store<u32>(words, 0xd2511f53);
  store<u32>(words, 0xcd9e8d57, 4);
  store<u32>(words, 0x9e3779b9, 8);
  store<u32>(words, 0xbb67ae85, 12);
  const m0 = v128.load32_splat(words);
  const m1 = v128.load32_splat(words, 4);
  const w0 = v128.load32_splat(words, 8);
  const w1 = v128.load32_splat(words, 12);
  const low = i32x4.splat(<i32>counter);
  const high = i32x4.splat(<i32>(counter >> 32));
  let a0 = i32x4.add(low, i32x4(0, 1, 2, 3));
  let b0 = i32x4.add(low, i32x4(4, 5, 6, 7));
  // A lane that wrapped carries into the counter's high word (true is −1).
  let a1 = i32x4.sub(high, i32x4.lt_u(a0, low));
  let b1 = i32x4.sub(high, i32x4.lt_u(b0, low));
  let a2 = i32x4.splat(0);
  let b2 = a2;
  let a3 = a2;
  let b3 = a2;
  let k0 = i32x4.splat(<u32>seed);
  let k1 = i32x4.splat(<u32>(seed >> 32));
  for (let round = 0; round < 10; round++) {
    const u0 = upperWords(a0, m0);
    const v0 = upperWords(b0, m0);
    const u1 = i32x4.mul(a0, m0);
    const v1 = i32x4.mul(b0, m0);
    a0 = v128.xor(upperWords(a2, m1), v128.xor(a1, k0));
    b0 = v128.xor(upperWords(b2, m1), v128.xor(b1, k0));
    a1 = i32x4.mul(a2, m1);
    b1 = i32x4.mul(b2, m1);
    a2 = v128.xor(u0, v128.xor(a3, k1));
    b2 = v128.xor(v0, v128.xor(b3, k1));
    a3 = u1;
    b3 = v1;
    k0 = i32x4.add(k0, w0);
    k1 = i32x4.add(k1, w1);
  }
  storeBlocks(words, a0, a1, a2, a3);
  storeBlocks(words + 64, b0, b1, b2, b3);
}

/**
 * The upper words of the four 64-bit products a·b. The lower ones come from a product of their own (`i32x4.mul`),
 * because x86 has more units for products than for shuffles.
 *
 *   lo0 hi0 lo1 hi1
 *   lo2 hi2 lo3 hi3   →   hi0 hi1 hi2 hi3
 * @inline
 */
function upperWords(a: v128, b: v128): v128 {
  const low = i64x2.extmul_low_i32x4_u(a, b);
  const high = i64x2.extmul_high_i32x4_u(a, b);
  return v128.shuffle<i32>(low, high, 1, 3, 5, 7);
}

/**
 * Stores four blocks, transposed, so that words[4 b + w] is word w of block b:
 *
 *   c0  w0 w1 w2 w3      w0 x0 y0 z0   block 0
 *   c1  x0 x1 x2 x3  →   w1 x1 y1 z1   block 1
 *   c2  y0 y1 y2 y3      w2 x2 y2 z2   block 2
 *   c3  z0 z1 z2 z3      w3 x3 y3 z3   block 3
 * @inline
 */
function storeBlocks(words: usize, c0: v128, c1: v128, c2: v128, c3: v128): void {
  const t0 = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5);
  const t1 = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5);
  const t2 = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7);
  const t3 = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7);
  v128.store(words, v128.shuffle<i64>(t0, t1, 0, 2));
  v128.store(words, v128.shuffle<i64>(t0, t1, 1, 3), 16);
  v128.store(words, v128.shuffle<i64>(t2, t3, 0, 2), 32);
  v128.store(words, v128.shuffle<i64>(t2, t3, 1, 3), 48);
}

/** What a kernel makes of four words of a draw and of the `count` numbers at x; a and b are constants. */
@unmanaged
export abstract class Draw {
  abstract of(words: v128, x: usize, count: i32, a: v128, b: v128): v128;
}

/**
 * y[i] = f(word i of the draw, x[i]) for elements [from, to), `from` a multiple of 16. y may be x.
 * @inline
 */
export function draw<F extends Draw>(
  y: usize, // [n] f32
  x: usize, // [n] f32
  seed: f64,
  counter: f64,
  from: i32,
  to: i32,
  a: v128,
  b: v128,
  words: usize, // [32] u32
): void {
  const f = changetype<F>(0);
  for (let i = from; i < to; i += WORDS) {
    philox(words, <u64>seed, <u64>counter + <u64>(i >> 2));
    const count = min(WORDS, to - i);
    const tail = count & 3;
    const end = at(words, count - tail);
    let w = words;
    let p = at(x, i);
    let q = at(y, i);
    while (w < end) {
      v128.store(q, f.of(v128.load(w), p, 4, a, b));
      w += 16;
      p += 16;
      q += 16;
    }
    if (tail) storePartial(q, f.of(v128.load(w), p, tail, a, b), tail);
  }
}

/**
 * A word's upper 24 bits as a number in [0, 1): every multiple of 2⁻²⁴ is equally likely. Shifted
 * right by 8 a word is below 2²⁴, so the conversion is exact.
 * @inline
 */
export function toUnit(words: v128): v128 {
  return f32x4.mul(
    f32x4.convert_i32x4_s(i32x4.shr_u(words, 8)),
    f32x4.splat(5.9604644775390625e-8),
  );
}
