/**
 * What the normalizations of rows share: the statistics of m numbers that stand side by side, their
 * products, and sums down many rows. A float32 lane adds at most 256 terms before its sum moves on to float64.
 */
import { at, loadUpTo, madd, storeUpTo, sumLanes, widenHigh, widenLow } from '../lanes';

/** Bytes that sixteen lanes add up, at most, before float64 takes over. */
export const RUN: usize = 256 * 64;
/** Rows whose sum down a column stays in float32. */
export const CHUNK = 256;

/**
 * Of m numbers, with d = x − K:
 *
 *   δ = Σd/m      var = Σd²/m − δ²      invStd = 1/√(var + eps)      mean = K + δ
 *
 * K = 0 first. Where that lies more than four standard deviations off the mean (δ² > 16·var), K = δ, the
 * differences are written to `apart` and summed once more. K + δ is never rounded into one float32 on the
 * way to y or dx: at mean/sd = 1e4 that alone would cost 5e-4 standard deviations. Returns where d stands.
 */
export function rowStatistics(
  shift: usize, // [1] f32, K
  delta: usize, // [1] f32, δ
  invStd: usize, // [1] f32
  variance: usize, // [1] f32, over m; 0: not wanted
  x: usize, // [m] f32
  m: i32,
  eps: f32,
  apart: usize, // [m] f32, may be x
): usize {
  const share: f64 = 1 / <f64>m;
  let k: f32 = 0;
  let first: bool = true;
  while (true) {
    const sums = squares(x, m);
    const d = f64x2.extract_lane(sums, 0) * share;
    let v = f64x2.extract_lane(sums, 1) * share - d * d;
    // rounding cannot make it negative; NaN stays
    if (v < 0) v = 0;
    if (first && d * d > 16 * v) {
      first = false;
      k = <f32>d;
      x = differences(apart, x, k, m);
      continue;
    }
    f32.store(shift, k);
    f32.store(delta, <f32>d);
    f32.store(invStd, 1 / sqrt<f32>(<f32>v + eps));
    if (variance) f32.store(variance, <f32>v);
    return x;
  }
}

/** d = x − K; returns where d stands, which is x itself where K is 0. d may be x. */
export function differences(
  d: usize, // [m] f32
  x: usize, // [m] f32
  k: f32,
  m: i32,
): usize {
  if (k == 0) return x;
  const shift = f32x4.splat(k);
  for (let i = 0; i < m; i += 4) {
    storeUpTo(at(d, i), f32x4.sub(loadUpTo(at(x, i), m - i), shift), m - i);
  }
  return d;
}

/** Σx and Σx², as two float64. */
export function squares(
  x: usize, // [m] f32
  m: i32,
): v128 {
  const end = x + ((<usize>m) << 2);
  let total = f64x2.splat(0);
  while (x < end) {
    const stop = min(x + RUN, end);
    const whole = x + ((stop - x) & ~63);
    let u0 = f32x4.splat(0);
    let u1 = u0;
    let u2 = u0;
    let u3 = u0;
    let v0 = u0;
    let v1 = u0;
    let v2 = u0;
    let v3 = u0;
    while (x < whole) {
      const x0 = v128.load(x);
      const x1 = v128.load(x, 16);
      const x2 = v128.load(x, 32);
      const x3 = v128.load(x, 48);
      u0 = f32x4.add(u0, x0);
      v0 = madd(x0, x0, v0);
      u1 = f32x4.add(u1, x1);
      v1 = madd(x1, x1, v1);
      u2 = f32x4.add(u2, x2);
      v2 = madd(x2, x2, v2);
      u3 = f32x4.add(u3, x3);
      v3 = madd(x3, x3, v3);
      x += 64;
    }
    while (x < stop) {
      const x0 = loadUpTo(x, <i32>((stop - x) >> 2));
      u0 = f32x4.add(u0, x0);
      v0 = madd(x0, x0, v0);
      x += 16;
    }
    x = stop;
    total = f64x2.add(total, sumPair(addFour(u0, u1, u2, u3), addFour(v0, v1, v2, v3)));
  }
  return total;
}

/** Σ x·y. */
export function dot(
  x: usize, // [n] f32
  y: usize, // [n] f32
  n: i32,
): f64 {
  const end = x + ((<usize>n) << 2);
  let total: f64 = 0;
  while (x < end) {
    const stop = min(x + RUN, end);
    const whole = x + ((stop - x) & ~63);
    let u0 = f32x4.splat(0);
    let u1 = u0;
    let u2 = u0;
    let u3 = u0;
    while (x < whole) {
      u0 = madd(v128.load(x), v128.load(y), u0);
      u1 = madd(v128.load(x, 16), v128.load(y, 16), u1);
      u2 = madd(v128.load(x, 32), v128.load(y, 32), u2);
      u3 = madd(v128.load(x, 48), v128.load(y, 48), u3);
      x += 64;
      y += 64;
    }
    while (x < stop) {
      const count = <i32>((stop - x) >> 2);
      u0 = madd(loadUpTo(x, count), loadUpTo(y, count), u0);
      x += 16;
      y += 16;
    }
    x = stop;
    total += <f64>sumLanes(addFour(u0, u1, u2, u3));
  }
  return total;
}

/** @inline */
export function addFour(a: v128, b: v128, c: v128, d: v128): v128 {
  return f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
}

/**
 * The sums of the lanes of u and of v, each in the fixed order (l0 + l2) + (l1 + l3), as two float64.
 *
 *   u0+u2 │ u1+u3 │ v0+v2 │ v1+v3   →   Σu │ Σv
 * @inline
 */
export function sumPair(u: v128, v: v128): v128 {
  const t = f32x4.add(
    i8x16.shuffle(u, v, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
    i8x16.shuffle(u, v, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31),
  );
  return f64x2.promote_low_f32x4(
    f32x4.add(
      i8x16.shuffle(t, t, 0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11),
      i8x16.shuffle(t, t, 4, 5, 6, 7, 12, 13, 14, 15, 4, 5, 6, 7, 12, 13, 14, 15),
    ),
  );
}

/**
 * total[j] += Σ partial[chunk, j] for j in [from, to): the sums that a backward pass left of each 256
 * rows, added in float64, one after the other.
 */
export function sumChunks(
  total: usize, // [d] f32, added to
  partial: usize, // [chunks, stride] f32
  chunks: i32,
  stride: i32,
  from: i32,
  to: i32,
): void {
  const next = (<usize>stride) << 2;
  for (let j = from; j < to; j += 4) {
    const count = to - j;
    let p = at(partial, j);
    const end = p + <usize>chunks * next;
    const t = loadUpTo(at(total, j), count);
    let low = widenLow(t);
    let high = widenHigh(t);
    while (p < end) {
      const v = loadUpTo(p, count);
      low = f64x2.add(low, widenLow(v));
      high = f64x2.add(high, widenHigh(v));
      p += next;
    }
    const a = f32x4.demote_f64x2_zero(low);
    const b = f32x4.demote_f64x2_zero(high);
    const sum = i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    storeUpTo(at(total, j), sum, count);
  }
}
