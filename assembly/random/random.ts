import { at, storePartial } from '../lanes';
import { Draw, draw, philox, toUnit, WORDS } from './philox';

/**
 * Draws from the generator of philox.ts. The last arguments are always the same. `seed` (the key) and `counter`
 * (the first block of the draw) are whole numbers below 2⁵³. Elements [from, to) are written, `from` a multiple of
 * 16; each follows from seed, counter and its index alone. `scratch` is [32] u32, and for normal draws
 * [192] u32.
 *
 * Sums of products are plain mul and add here, not `madd`: weights start from the same bits in the
 * strict and in the relaxed build.
 */

@unmanaged
class Bits extends Draw {
  of(words: v128, x: usize, count: i32, a: v128, b: v128): v128 {
    return words;
  }
}

/** y[i] = the i-th word, uniform over the 32-bit integers. */
export function randomBits(
  y: usize, // [n] u32
  seed: f64,
  counter: f64,
  from: i32,
  to: i32,
  scratch: usize, // [32] u32
): void {
  const none = i32x4.splat(0);
  draw<Bits>(y, scratch, seed, counter, from, to, none, none, scratch);
}

@unmanaged
class Uniform extends Draw {
  of(words: v128, x: usize, count: i32, low: v128, width: v128): v128 {
    return f32x4.add(low, f32x4.mul(toUnit(words), width));
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
  scratch: usize, // [32] u32
): void {
  const width = f32x4.splat(high - low);
  draw<Uniform>(y, scratch, seed, counter, from, to, f32x4.splat(low), width, scratch);
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
  scratch: usize, // [192] u32
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
  scratch: usize, // [192] u32
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
  scratch: usize, // [32] u32
): void {
  for (let i = 0; i < n; i++) {
    const k = i & 15;
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

/** Vectors of a draw, eight at once. */
const VECTORS: usize = WORDS * 4;

/*
 * Scratch of `normal`, after the words. An equation that is computed vector by vector waits for itself: two
 * polynomials take 140 cycles. So each step runs over eight vectors, and keeps what the next one needs here.
 */
const T: usize = VECTORS; // the polynomials' argument
const P: usize = 2 * VECTORS; // their value
const A: usize = 3 * VECTORS; // the tail probability
const W: usize = 4 * VECTORS; // exponent of 1 − x², then w
const LOG: usize = 5 * VECTORS; // coefficients: nine, eight and eight
const NEAR: usize = LOG + 48;
const FAR: usize = NEAR + 32;

/**
 * y = mean + sd·Φ⁻¹ of the word: its lowest bit is the sign, the other 31 choose the two-sided tail
 * probability a = P(|z| > result), uniform in (outside, 1).
 *
 * z ≥ 0 with P(|Z| > z) = a for a standard normal Z is √2·erf⁻¹(1 − a), here to 4e-7 relative. With x = 1 − a and
 * w = −ln(1 − x²), z/x is a smooth function of w (Giles, "Approximating the erfinv function", 2010): one
 * polynomial in w − 2.5 up to w = 5 (99.8 % of the draws), one in √w − 3.4 beyond. The coefficients were fitted to
 * the least largest relative error over w ≤ 21.6.
 *
 * ln v for normal v in (0, 1], to 1e-7 absolute near 1 and relative elsewhere: v = 2ᵉ·(1 + f) with 1 + f in
 * [√½, √2), ln v = e·ln 2 + f·P(f).
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
  eight(
    scratch + LOG,
    8.721908e-2,
    -0.14366624,
    0.14952332,
    -0.16562429,
    0.1995683,
    -0.25002071,
    0.33334187,
    -0.49999988,
  );
  store<f32>(scratch + LOG, 1, 32);
  eight(
    scratch + NEAR,
    4.4639958e-7,
    -4.505485e-6,
    -5.790341e-6,
    3.0735924e-4,
    -1.7743161e-3,
    -5.9061213e-3,
    0.34880364,
    2.1233132,
  );
  eight(
    scratch + FAR,
    -2.3883525e-4,
    9.671243e-4,
    -1.6269233e-3,
    2.0867665e-3,
    -3.5409443e-3,
    5.6217052e-3,
    1.4236008,
    4.5746746,
  );
  const base = f32x4.splat(outside);
  const step = f32x4.splat((1 - outside) * 4.6566128730773926e-10); // 2⁻³¹
  const limit = f32x4.splat(outside > 0 ? 2 : 7);
  const mean4 = f32x4.splat(mean);
  const sd4 = f32x4.splat(sd);
  const end = scratch + VECTORS;
  for (let i = from; i < to; i += WORDS) {
    philox(scratch, <u64>seed, <u64>counter + <u64>(i >> 2));
    const half = f32x4.splat(0.5);
    const one = f32x4.splat(1);
    const two = f32x4.splat(2);
    const root = i32x4.splat(0x3f3504f3); // bits of √½
    let p = scratch;
    while (p < end) {
      const k = f32x4.convert_i32x4_s(i32x4.shr_u(v128.load(p), 1));
      const a = f32x4.add(base, f32x4.mul(f32x4.add(k, half), step));
      const v = f32x4.mul(a, f32x4.sub(two, a)); // 1 − x²
      const e = i32x4.shr_s(i32x4.sub(v, root), 23);
      v128.store(p, a, A);
      v128.store(p, f32x4.convert_i32x4_s(e), W);
      v128.store(p, f32x4.sub(i32x4.sub(v, i32x4.shl(e, 23)), one), T);
      p += 16;
    }
    polynomial(scratch, scratch + LOG, scratch + LOG + 36);
    const ln2 = f32x4.splat(<f32>Math.LN2);
    const middle = f32x4.splat(2.5);
    let most = f32x4.splat(0);
    p = scratch;
    while (p < end) {
      const e = f32x4.mul(v128.load(p, W), ln2);
      const w = f32x4.neg(f32x4.add(e, f32x4.mul(v128.load(p, T), v128.load(p, P))));
      v128.store(p, w, W);
      v128.store(p, f32x4.sub(w, middle), T);
      most = f32x4.pmax(most, w);
      p += 16;
    }
    polynomial(scratch, scratch + NEAR, scratch + FAR);
    const five = f32x4.splat(5);
    if (v128.any_true(f32x4.gt(most, five))) {
      p = scratch;
      while (p < end) {
        const w = v128.load(p, W);
        const far = f32x4.gt(w, five);
        if (v128.any_true(far)) {
          const r = f32x4.sub(f32x4.sqrt(w), f32x4.splat(3.4));
          let q = v128.load32_splat(scratch, FAR);
          let c = scratch + FAR;
          const stop = c + 28;
          while (c < stop) {
            c += 4;
            q = f32x4.add(f32x4.mul(q, r), v128.load32_splat(c));
          }
          v128.store(p, v128.bitselect(q, v128.load(p, P), far), P);
        }
        p += 16;
      }
    }
    p = scratch;
    const count = min(WORDS, to - i);
    const tail = count & 3;
    const stop = at(scratch, count - tail);
    let q = at(y, i);
    while (p < stop) {
      v128.store(q, finish(p, limit, mean4, sd4));
      p += 16;
      q += 16;
    }
    if (tail) storePartial(q, finish(p, limit, mean4, sd4), tail);
  }
}

/** @inline */
function finish(p: usize, limit: v128, mean: v128, sd: v128): v128 {
  const x = f32x4.sub(f32x4.splat(1), v128.load(p, A));
  const z = f32x4.pmin(limit, f32x4.mul(v128.load(p, P), x));
  return f32x4.add(mean, f32x4.mul(sd, v128.xor(z, i32x4.shl(v128.load(p), 31))));
}

/** P = c₀·Tⁿ + … + cₙ by Horner's rule for eight vectors, four at once. */
function polynomial(
  scratch: usize,
  coefficients: usize, // c₀ first
  end: usize,
): void {
  const stop = scratch + VECTORS;
  while (scratch < stop) {
    const t0 = v128.load(scratch, T);
    const t1 = v128.load(scratch, T + 16);
    const t2 = v128.load(scratch, T + 32);
    const t3 = v128.load(scratch, T + 48);
    let p0 = v128.load32_splat(coefficients);
    let p1 = p0;
    let p2 = p0;
    let p3 = p0;
    let p = coefficients + 4;
    while (p < end) {
      const c = v128.load32_splat(p);
      p0 = f32x4.add(f32x4.mul(p0, t0), c);
      p1 = f32x4.add(f32x4.mul(p1, t1), c);
      p2 = f32x4.add(f32x4.mul(p2, t2), c);
      p3 = f32x4.add(f32x4.mul(p3, t3), c);
      p += 4;
    }
    v128.store(scratch, p0, P);
    v128.store(scratch, p1, P + 16);
    v128.store(scratch, p2, P + 32);
    v128.store(scratch, p3, P + 48);
    scratch += 64;
  }
}

/** @inline */
function eight(p: usize, a: f32, b: f32, c: f32, d: f32, e: f32, f: f32, g: f32, h: f32): void {
  v128.store(p, f32x4(a, b, c, d));
  v128.store(p, f32x4(e, f, g, h), 16);
}
