/**
 * Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3" (SC 2011). A block is a function of nothing but a 64-bit key (the seed)
 * and a 64-bit counter: any part of a stream can be made anywhere, in any order, by any thread.
 *
 * Word i of a draw is word i mod 4 of block `counter` + ⌊i/4⌋.
 */

/**
 * The sixteen words of blocks [counter, counter + 4), to `words`.
 *
 * Each vector holds one word of the four blocks. A round is
 *   (c0, c1, c2, c3) ← (hi(M1·c2) ⊕ c1 ⊕ k0, lo(M1·c2), hi(M0·c0) ⊕ c3 ⊕ k1, lo(M0·c0))
 * and between rounds the key grows by (W0, W1).
 */
export function philox(
  words: usize, // [16] u32
  seed: u64,
  counter: u64,
): void {
  const low = i32x4.splat(<i32>counter);
  let c0 = i32x4.add(low, i32x4(0, 1, 2, 3));
  // A lane that wrapped carries into the counter's high word (true is −1).
  let c1 = i32x4.sub(i32x4.splat(<i32>(counter >> 32)), i32x4.lt_u(c0, low));
  let c2 = i32x4.splat(0);
  let c3 = i32x4.splat(0);
  let k0 = <u32>seed;
  let k1 = <u32>(seed >> 32);
  // The 64-bit products M0·c0 of blocks 0 to 3, as pairs of words (q0 and q1 are M1·c2 likewise):
  //
  //   p0  lo0 hi0 lo1 hi1
  //   p1  lo2 hi2 lo3 hi3   →   lo0 lo1 lo2 lo3 and hi0 hi1 hi2 hi3
  for (let round = 0; round < 10; round++) {
    const m0 = i32x4.splat(0xd2511f53);
    const m1 = i32x4.splat(0xcd9e8d57);
    const p0 = i64x2.extmul_low_i32x4_u(c0, m0);
    const p1 = i64x2.extmul_high_i32x4_u(c0, m0);
    const q0 = i64x2.extmul_low_i32x4_u(c2, m1);
    const q1 = i64x2.extmul_high_i32x4_u(c2, m1);
    c0 = v128.xor(v128.xor(v128.shuffle<i32>(q0, q1, 1, 3, 5, 7), c1), i32x4.splat(k0));
    c1 = v128.shuffle<i32>(q0, q1, 0, 2, 4, 6);
    c2 = v128.xor(v128.xor(v128.shuffle<i32>(p0, p1, 1, 3, 5, 7), c3), i32x4.splat(k1));
    c3 = v128.shuffle<i32>(p0, p1, 0, 2, 4, 6);
    k0 += 0x9e3779b9;
    k1 += 0xbb67ae85;
  }
  // Transposed, so that words[4 b + w] is word w of block b:
  //
  //   c0  w0 w1 w2 w3      w0 x0 y0 z0   block 0
  //   c1  x0 x1 x2 x3  →   w1 x1 y1 z1   block 1
  //   c2  y0 y1 y2 y3      w2 x2 y2 z2   block 2
  //   c3  z0 z1 z2 z3      w3 x3 y3 z3   block 3
  const t0 = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5);
  const t1 = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5);
  const t2 = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7);
  const t3 = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7);
  v128.store(words, v128.shuffle<i64>(t0, t1, 0, 2));
  v128.store(words, v128.shuffle<i64>(t0, t1, 1, 3), 16);
  v128.store(words, v128.shuffle<i64>(t2, t3, 0, 2), 32);
  v128.store(words, v128.shuffle<i64>(t2, t3, 1, 3), 48);
}

/**
 * Words i to i + 3 of a draw, for i = 0, 4, 8, … one after the other: every fourth call draws the next sixteen.
 * @inline
 */
export function fourWords(words: usize, seed: f64, counter: f64, i: i32): v128 {
  if (!(i & 15)) philox(words, <u64>seed, <u64>counter + <u64>(i >> 2));
  return v128.load(words + ((<usize>(i & 15)) << 2));
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
