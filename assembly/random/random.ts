import { at, storeVector } from '../lanes';
import { fourWords, philox, toUnit } from './philox';

/**
 * Draws from the generator of philox.ts. The last arguments are always the same. `seed` (the key) and `counter`
 * (the first block of the draw) are whole numbers below 2⁵³. Elements [from, to) are written, `from` a multiple of
 * 16; each follows from seed, counter and its index alone. `scratch` is [16] u32.
 *
 * Sums of products are plain mul and add here, not `madd`: weights start from the same bits in the
 * strict and in the relaxed build.
 */

/** y[i] = the i-th word, uniform over the 32-bit integers. */
export function randomBits(
  y: usize, // [n] u32
  seed: f64,
  counter: f64,
  from: i32,
  to: i32,
  scratch: usize, // [16] u32
): void {
  for (let i = from; i < to; i += 16) {
    philox(scratch, <u64>seed, <u64>counter + <u64>(i >> 2));
    const n = min(16, to - i);
    memory.copy(at(y, i), scratch, (<usize>n) << 2);
  }
}

/**
 * y[i] = low + u·(high − low), u uniform over the multiples of 2⁻²⁴ in [0, 1). Rounding may give
 * `high` itself.
 */
export function randomUniform(
  y: usize, // [n] f32
  low: f32,
  high: f32,
  seed: f64,
  counter: f64,
  from: i32,
  to: i32,
  scratch: usize, // [16] u32
): void {
  const width = f32x4.splat(high - low);
  const start = f32x4.splat(low);
  for (let i = from; i < to; i += 4) {
    const u = toUnit(fourWords(scratch, seed, counter, i));
    const v = f32x4.add(start, f32x4.mul(u, width));
    storeVector(at(y, i), v, to - i);
  }
}

/** y[i] = mean + sd·z, z standard normal: |z| ≤ 6.34, the 2⁻³³ quantile. */
export function randomNormal(
  y: usize, // [n] f32
  mean: f32,
  sd: f32,
  seed: f64,
  counter: f64,
  from: i32,
  to: i32,
  scratch: usize, // [16] u32
): void {
  normal(y, mean, sd, 0, seed, counter, from, to, scratch);
}

/** y[i] = mean + sd·z, z standard normal given that |z| ≤ 2. */
export function randomTruncatedNormal(
  y: usize, // [n] f32
  mean: f32,
  sd: f32,
  seed: f64,
  counter: f64,
  from: i32,
  to: i32,
  scratch: usize, // [16] u32
): void {
  // P(|z| > 2) = 2Φ(−2)
  normal(y, mean, sd, 0.04550026389635841, seed, counter, from, to, scratch);
}

/**
 * order ← a random permutation of itself, every one equally likely (Fisher and Yates): place i swaps
 * with a place in [0, i], chosen by 64 bits as ⌊bits·(i + 1)/2⁶⁴⌋; the bias is below 2⁻³². Place i uses
 * words 2i and 2i + 1 of the draw.
 */
export function shuffle(
  order: usize, // [n] i32
  seed: f64,
  counter: f64,
  n: i32,
  scratch: usize, // [16] u32
): void {
  for (let i = 0; i < n; i++) {
    const k = i & 7;
    if (!k) philox(scratch, <u64>seed, <u64>counter + <u64>(i >> 1));
    const high = <u64>load<u32>(at(scratch, 2 * k)) * <u64>(i + 1);
    const low = <u64>load<u32>(at(scratch, 2 * k), 4) * <u64>(i + 1);
    const p = at(order, i);
    const q = at(order, <i32>((high + (low >> 32)) >> 32));
    const kept = load<i32>(p);
    store<i32>(p, load<i32>(q));
    store<i32>(q, kept);
  }
}

/**
 * y = mean + sd·Φ⁻¹ of the word: its lowest bit is the sign, the other 31 choose the two-sided tail
 * probability a = P(|z| > result), uniform in (outside, 1).
 */
function normal(
  y: usize,
  mean: f32,
  sd: f32,
  outside: f32,
  seed: f64,
  counter: f64,
  from: i32,
  to: i32,
  scratch: usize,
): void {
  const step = f32x4.splat((1 - outside) * 4.6566128730773926e-10); // 2⁻³¹
  const limit = f32x4.splat(outside > 0 ? 2 : 7);
  for (let i = from; i < to; i += 4) {
    const word = fourWords(scratch, seed, counter, i);
    const k = f32x4.convert_i32x4_s(i32x4.shr_u(word, 1));
    const a = f32x4.add(f32x4.splat(outside), f32x4.mul(f32x4.add(k, f32x4.splat(0.5)), step));
    const z = v128.xor(f32x4.pmin(limit, fromTail(a)), i32x4.shl(word, 31));
    const v = f32x4.add(f32x4.splat(mean), f32x4.mul(f32x4.splat(sd), z));
    storeVector(at(y, i), v, to - i);
  }
}

/**
 * z ≥ 0 with P(|Z| > z) = a for a standard normal Z: √2·erf⁻¹(1 − a), to 4e-7 relative.
 *
 * With x = 1 − a and w = −ln(1 − x²), z/x is a smooth function of w (Giles, "Approximating the erfinv
 * function", 2010): one polynomial in w − 2.5 up to w = 5 (99.8 % of the draws), one in √w − 3.4 beyond.
 * The coefficients were fitted to the least largest relative error over w ≤ 21.6.
 * @inline
 */
function fromTail(a: v128): v128 {
  const w = f32x4.neg(logUnit(f32x4.mul(a, f32x4.sub(f32x4.splat(2), a))));
  const t = f32x4.sub(w, f32x4.splat(2.5));
  let p = f32x4.splat(4.4639958e-7);
  p = plus(p, t, -4.505485e-6);
  p = plus(p, t, -5.790341e-6);
  p = plus(p, t, 3.0735924e-4);
  p = plus(p, t, -1.7743161e-3);
  p = plus(p, t, -5.9061213e-3);
  p = plus(p, t, 0.34880364);
  p = plus(p, t, 2.1233132);
  const far = f32x4.gt(w, f32x4.splat(5));
  if (v128.any_true(far)) {
    const r = f32x4.sub(f32x4.sqrt(w), f32x4.splat(3.4));
    let q = f32x4.splat(-2.3883525e-4);
    q = plus(q, r, 9.671243e-4);
    q = plus(q, r, -1.6269233e-3);
    q = plus(q, r, 2.0867665e-3);
    q = plus(q, r, -3.5409443e-3);
    q = plus(q, r, 5.6217052e-3);
    q = plus(q, r, 1.4236008);
    q = plus(q, r, 4.5746746);
    p = v128.bitselect(q, p, far);
  }
  return f32x4.mul(p, f32x4.sub(f32x4.splat(1), a));
}

/**
 * ln v for normal v in (0, 1], to 1e-7 absolute near 1 and relative elsewhere: v = 2ᵉ·(1 + f) with
 * 1 + f in [√½, √2), ln v = e·ln 2 + f·P(f).
 * @inline
 */
function logUnit(v: v128): v128 {
  const shifted = i32x4.sub(v, i32x4.splat(0x3f3504f3)); // bits of √½
  const e = i32x4.shr_s(shifted, 23);
  const f = f32x4.sub(i32x4.sub(v, i32x4.shl(e, 23)), f32x4.splat(1));
  let p = f32x4.splat(8.721908e-2);
  p = plus(p, f, -0.14366624);
  p = plus(p, f, 0.14952332);
  p = plus(p, f, -0.16562429);
  p = plus(p, f, 0.1995683);
  p = plus(p, f, -0.25002071);
  p = plus(p, f, 0.33334187);
  p = plus(p, f, -0.49999988);
  p = plus(p, f, 1);
  return f32x4.add(
    f32x4.mul(f32x4.convert_i32x4_s(e), f32x4.splat(<f32>Math.LN2)),
    f32x4.mul(f, p),
  );
}

/** Horner's step p·t + c. @inline */
function plus(p: v128, t: v128, c: f32): v128 {
  return f32x4.add(f32x4.mul(p, t), f32x4.splat(c));
}
