/**
 * What the norms share that normalize m neighbouring numbers, a row: its statistics and its sums. A float32
 * lane adds at most 256 terms before its sum moves on to float64.
 */
import { at, loadUpTo, madd, storeUpTo, sumLanes } from '../lanes';

/** Bytes that sixteen float32 lanes add up, 256 terms each, before float64 takes over. */
export const RUN: usize = 256 * 64;

/**
 * The statistics of a row, which the forward pass saves for the backward pass: mean = K + δ. Sixteen bytes.
 *
 *   K │ δ │ r │ var
 */
@unmanaged
export class RowStatistics {
  /** K, the mean rounded to float32 where it is far from 0, else 0. */
  shift: f32;
  /** δ, what is left of the mean. */
  delta: f32;
  /** r = 1/√(var + eps). */
  invStd: f32;
  /** Over m, not m − 1. */
  variance: f32;
}

/**
 * The statistics of row i.
 * @inline
 */
export function statisticsOf(statistics: usize, i: i32): RowStatistics {
  return changetype<RowStatistics>(statistics + <usize>i * offsetof<RowStatistics>());
}

/** @inline */
export function splatShift(saved: RowStatistics): v128 {
  return v128.load32_splat(changetype<usize>(saved), offsetof<RowStatistics>('shift'));
}

/** @inline */
export function splatInvStd(saved: RowStatistics): v128 {
  return v128.load32_splat(changetype<usize>(saved), offsetof<RowStatistics>('invStd'));
}

/**
 * e = −δ·r.
 * @inline
 */
export function splatOffset(saved: RowStatistics, r: v128): v128 {
  const delta = v128.load32_splat(changetype<usize>(saved), offsetof<RowStatistics>('delta'));
  return f32x4.mul(f32x4.neg(delta), r);
}

/**
 * The statistics of m numbers. With d = x − K:
 *
 *   δ = Σd/m      var = Σd²/m − δ²      r = 1/√(var + eps)      mean = K + δ
 *
 * K is 0 first. If the mean then lies more than four standard deviations from 0 (δ² > 16·var), K becomes
 * that mean, the differences x − K are written to `differences`, and these are summed. K + δ is never rounded
 * to one float32 on the way to y or dx: at mean/sd = 1e4 that alone would cost 5e-4 standard deviations.
 *
 * @returns where x − K stands: x itself if K is 0
 */
export function rowStatistics(
  saved: RowStatistics,
  x: usize, // [m] f32
  m: i32,
  eps: f32,
  differences: usize, // [m] f32, may be x
): usize {
  const share: f64 = 1 / <f64>m;
  let k: f32 = 0;
  let first: bool = true;
  while (true) {
    const sums = sumAndSquares(x, m);
    const d = f64x2.extract_lane(sums, 0) * share;
    let v = f64x2.extract_lane(sums, 1) * share - d * d;
    // Rounding must not make it negative. NaN stays NaN.
    if (v < 0) v = 0;
    if (first && d * d > 16 * v) {
      first = false;
      k = <f32>d;
      subtract(differences, x, k, m);
      x = differences;
      continue;
    }
    saved.shift = k;
    saved.delta = <f32>d;
    saved.invStd = 1 / sqrt<f32>(<f32>v + eps);
    saved.variance = <f32>v;
    return x;
  }
}

/** y = x − K. y may be x. */
function subtract(
  y: usize, // [m] f32
  x: usize, // [m] f32
  k: f32,
  m: i32,
): void {
  const shift = f32x4.splat(k);
  for (let i = 0; i < m; i += 4) {
    storeUpTo(at(y, i), f32x4.sub(loadUpTo(at(x, i), m - i), shift), m - i);
  }
}

/** Σx and Σx², as two float64. */
export function sumAndSquares(
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

/** Σx². */
export function sumOfSquares(
  x: usize, // [n] f32
  n: i32,
): f64 {
  return f64x2.extract_lane(sumAndSquares(x, n), 1);
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
