/** Statistics and sums of a row of m neighbouring numbers, for the norms that normalize rows. */
import { at, loadUpTo, loadVector, madd, storeUpTo } from '../lanes';
import { ProductTerms, sumProductRuns, sumRuns, Terms } from '../reduce';

/**
 * The statistics of a row, which the forward pass saves for the backward pass: mean = K + δ. Sixteen bytes.
 *
 *   K │ δ │ r │ var
 */
@unmanaged
export class RowStatistics {
  /** K: the mean rounded to float32 if it is far from 0, else 0. */
  shift: f32;
  /** δ = mean − K. */
  delta: f32;
  /** r = 1/√(var + eps). */
  invStd: f32;
  /** Over m, not m − 1. */
  variance: f32;

  /** K in all lanes. */
  splatShift(): v128 {
    return v128.load32_splat(changetype<usize>(this), offsetof<RowStatistics>('shift'));
  }

  /** r in all lanes. */
  splatInvStd(): v128 {
    return v128.load32_splat(changetype<usize>(this), offsetof<RowStatistics>('invStd'));
  }

  /** −δ·r in all lanes. */
  splatOffset(): v128 {
    const delta = v128.load32_splat(changetype<usize>(this), offsetof<RowStatistics>('delta'));
    return f32x4.mul(f32x4.neg(delta), this.splatInvStd());
  }
}

/**
 * The statistics of row i.
 * @inline
 */
export function statisticsOf(statistics: usize, i: i32): RowStatistics {
  return changetype<RowStatistics>(statistics + <usize>i * offsetof<RowStatistics>());
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
 * @returns the address of x − K: x itself if K is 0
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
      subtract(differences, x, f32x4.splat(k), m);
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
export function subtract(
  y: usize, // [m] f32
  x: usize, // [m] f32
  k: v128,
  m: i32,
): void {
  const end = at(x, m);
  const whole = at(x, m & ~7);
  while (x < whole) {
    const d0 = f32x4.sub(v128.load(x), k);
    const d1 = f32x4.sub(v128.load(x, 16), k);
    v128.store(y, d0);
    v128.store(y, d1, 16);
    x += 32;
    y += 32;
  }
  while (x < end) {
    const count = <i32>((end - x) >> 2);
    storeUpTo(y, f32x4.sub(loadUpTo(x, count), k), count);
    x += 16;
    y += 16;
  }
}

/**
 * As `loadVector`, but the load of a tail is inlined, because rows may be short: with a call, layer norm of
 * rows of seven numbers took 2.4 times as long.
 * @inline
 */
function loadInlined(p: usize, vector: i32, count: i32): v128 {
  return vector == 0 ? loadUpTo(p, count) : loadVector(p, vector, count);
}

/** Σx and Σx². */
@unmanaged
class Squares extends ProductTerms {
  d(x: usize, vector: i32, count: i32, k: v128): v128 {
    return loadInlined(x, vector, count);
  }
  u(_y: usize, _vector: i32, _count: i32, d: v128, a: v128, b: v128): v128 {
    return d;
  }
}

/** Σx and Σx², as two float64. */
export function sumAndSquares(
  x: usize, // [m] f32
  m: i32,
): v128 {
  const zero = f32x4.splat(0);
  return sumProductRuns<Squares>(x, x, m, zero, zero, zero, zero, zero, 0);
}

/** ‖x‖² = Σx². */
export function squaredNorm(
  x: usize, // [n] f32
  n: i32,
): f64 {
  return f64x2.extract_lane(sumAndSquares(x, n), 1);
}

/** Σ x·y. */
@unmanaged
class Products extends Terms {
  add(sum: v128, x: usize, y: usize, vector: i32, count: i32): v128 {
    return madd(loadInlined(x, vector, count), loadInlined(y, vector, count), sum);
  }
}

/** Σ x·y. */
export function dot(
  x: usize, // [n] f32
  y: usize, // [n] f32
  n: i32,
): f64 {
  return sumRuns<Products>(0, x, y, n, 4, true);
}

/** y = a·x. y may be x. */
export function scaleRow(
  y: usize, // [n] f32
  x: usize, // [n] f32
  a: f32,
  n: i32,
): void {
  const factor = f32x4.splat(a);
  const end = at(x, n);
  const whole = at(x, n & ~7);
  while (x < whole) {
    const y0 = f32x4.mul(v128.load(x), factor);
    const y1 = f32x4.mul(v128.load(x, 16), factor);
    v128.store(y, y0);
    v128.store(y, y1, 16);
    x += 32;
    y += 32;
  }
  while (x < end) {
    const count = <i32>((end - x) >> 2);
    storeUpTo(y, f32x4.mul(loadUpTo(x, count), factor), count);
    x += 16;
    y += 16;
  }
}
