/**
 * The statistics of a training batch, per channel: with d = x − K and m values a channel,
 *
 *   δ = Σd/m      var = Σd²/m − δ²      invStd = 1/√(var + eps)      mean = K + δ
 *
 * The shift K is the median of five samples: near enough to the data that nothing cancels, whatever
 * a few outliers say; or 0 where ten samples spread as far as that, which saves the subtraction in
 * every pass. Where K was not near (δ² > 16·var) the channel is summed once more around K + δ.
 * K + δ is never rounded into one float32 on the way to y or dx: at mean/sd = 1e4 that alone would
 * cost 5e-4 standard deviations.
 */

import { at, loadUpTo, storeUpTo } from '../lanes';
import { inside, padded, STATISTICS, sumPlane } from './equations';
import { sumRows } from './row-sums';
import { PERIOD } from './row-tiling';

/** Values a channel from which a subtraction less is worth a bit of the variance's accuracy. */
const MANY: i64 = 64;

/**
 * Statistics of rows: [n, c], also of images with channels last, for channels [from, to).
 */
export function batchNormStatistics(
  shift: usize, // [c] f32, K
  delta: usize, // [c] f32, δ
  invStd: usize, // [c] f32
  variance: usize, // [c] f32, over m
  x: usize, // [n, c] f32
  n: i32,
  c: i32,
  eps: f32,
  from: i32,
  to: i32,
  totals: usize, // [2, C] f64, scratch; C = c rounded up to 16
  lanes: usize, // [5, SPAN], scratch
): void {
  chooseShifts(shift, x, n, c, 1, from, to);
  for (let block = from; block < to; block += PERIOD) {
    const end = min(block + PERIOD, to);
    sumSquares(totals, x, shift, n, c, block, end, lanes);
    for (let j = block; j < end; j += 16) {
      const stop = min(j + 16, end);
      if (finish(shift, delta, invStd, variance, totals, <f64>n, c, eps, j, stop, true)) {
        sumSquares(totals, x, shift, n, c, j, stop, lanes);
        finish(shift, delta, invStd, variance, totals, <f64>n, c, eps, j, stop, false);
      }
    }
  }
}

/** Totals of channels [from, to), Σd and Σd². */
function sumSquares(
  totals: usize, // [2, C] f64
  x: usize, // [n, c] f32
  shift: usize, // [c] f32
  n: i32,
  c: i32,
  from: i32,
  to: i32,
  lanes: usize,
): void {
  sumRows(STATISTICS, totals, x, 0, shift, 0, 0, n, c, from, to, lanes);
}

/**
 * Statistics of planes: [n, c, s], for channels [from, to).
 */
export function batchNormStatisticsPlanes(
  shift: usize, // [c] f32, K
  delta: usize, // [c] f32, δ
  invStd: usize, // [c] f32
  variance: usize, // [c] f32, over m
  x: usize, // [n, c, s] f32
  n: i32,
  c: i32,
  s: i32,
  eps: f32,
  from: i32,
  to: i32,
  totals: usize, // [2, C] f64, scratch; C = c rounded up to 16
): void {
  const m = <f64>n * <f64>s;
  chooseShifts(shift, x, n, c, s, from, to);
  sumPlanes(totals, x, shift, n, c, s, from, to);
  for (let j = from; j < to; j += 4) {
    const stop = min(j + 4, to);
    if (finish(shift, delta, invStd, variance, totals, m, c, eps, j, stop, true)) {
      sumPlanes(totals, x, shift, n, c, s, j, stop);
      finish(shift, delta, invStd, variance, totals, m, c, eps, j, stop, false);
    }
  }
}

/** Totals of channels [from, to), in the order of memory. */
function sumPlanes(
  totals: usize, // [2, C] f64
  x: usize, // [n, c, s] f32
  shift: usize, // [c] f32
  n: i32,
  c: i32,
  s: i32,
  from: i32,
  to: i32,
): void {
  const products = (<usize>padded(c)) << 3;
  const total = totals + ((<usize>from) << 3);
  memory.fill(total, 0, (<usize>(to - from)) << 3);
  memory.fill(total + products, 0, (<usize>(to - from)) << 3);
  const plane = (<usize>s) << 2;
  for (let i = 0; i < n; i++) {
    let p = x + (<usize>i * <usize>c + <usize>from) * plane;
    for (let j = from; j < to; j++) {
      const t = totals + ((<usize>j) << 3);
      const k = v128.load32_splat(at(shift, j));
      if (f32.load(at(shift, j)) == 0) {
        sumPlane(STATISTICS, true, t, t + products, p, 0, k, k, k, s);
      } else {
        sumPlane(STATISTICS, false, t, t + products, p, 0, k, k, k, s);
      }
      p += plane;
    }
  }
}

/**
 * K of channels [from, to), from ten samples through the m values of each. Their places are found
 * outside the loop, as a division costs more than a load.
 */
function chooseShifts(
  shift: usize, // [c] f32
  x: usize, // [n, c, s] f32
  n: i32,
  c: i32,
  s: i32,
  from: i32,
  to: i32,
): void {
  const o0 = planeOffset(n, c, s, 0);
  const o1 = planeOffset(n, c, s, 1);
  const o2 = planeOffset(n, c, s, 2);
  const o3 = planeOffset(n, c, s, 3);
  const o4 = planeOffset(n, c, s, 4);
  const o5 = planeOffset(n, c, s, 5);
  const o6 = planeOffset(n, c, s, 6);
  const o7 = planeOffset(n, c, s, 7);
  const o8 = planeOffset(n, c, s, 8);
  const o9 = planeOffset(n, c, s, 9);
  const many = <i64>n * <i64>s >= MANY;
  const plane = (<usize>s) << 2;
  let j = from;
  if (s == 1) {
    while (j + 4 <= to) {
      const k = shiftOf(true, many, x + <usize>j * plane, o0, o1, o2, o3, o4, o5, o6, o7, o8, o9);
      v128.store(at(shift, j), k);
      j += 4;
    }
  }
  while (j < to) {
    const k = shiftOf(false, many, x + <usize>j * plane, o0, o1, o2, o3, o4, o5, o6, o7, o8, o9);
    v128.store_lane<f32>(at(shift, j), k, 0);
    j += 1;
  }
}

/**
 * K of the channel at `p`, or of four neighbours with `four`.
 * @inline
 */
function shiftOf(
  four: bool,
  many: bool,
  p: usize,
  o0: usize,
  o1: usize,
  o2: usize,
  o3: usize,
  o4: usize,
  o5: usize,
  o6: usize,
  o7: usize,
  o8: usize,
  o9: usize,
): v128 {
  const v1 = take(four, p + o1);
  const v3 = take(four, p + o3);
  const v5 = take(four, p + o5);
  const v7 = take(four, p + o7);
  const v9 = take(four, p + o9);
  const k = median(v1, v3, v5, v7, v9);
  if (!many) return k;
  const v0 = take(four, p + o0);
  const v2 = take(four, p + o2);
  const v4 = take(four, p + o4);
  const v6 = take(four, p + o6);
  const v8 = take(four, p + o8);
  const low = f32x4.pmin(least(v1, v3, v5, v7, v9), least(v0, v2, v4, v6, v8));
  const high = f32x4.pmax(greatest(v1, v3, v5, v7, v9), greatest(v0, v2, v4, v6, v8));
  return zeroIfNear(k, f32x4.sub(high, low));
}

/** @inline */
function take(four: bool, p: usize): v128 {
  return four ? v128.load(p) : v128.load32_zero(p);
}

/**
 * Byte offset, within a channel, of sample i of ten: position ⌊i·n·s/10⌋ of its n·s.
 */
function planeOffset(n: i32, c: i32, s: i32, i: i64): usize {
  const position = <usize>((i * <i64>n * <i64>s) / 10);
  return ((position / <usize>s) * <usize>c * <usize>s + (position % <usize>s)) << 2;
}

/**
 * Lane-wise median of five, or 0 where that is no finite number: a channel that holds one infinity
 * then still reports an infinite mean, as in PyTorch. @inline
 */
function median(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
  const low = f32x4.pmax(f32x4.pmin(a, b), f32x4.pmin(c, d));
  const high = f32x4.pmin(f32x4.pmax(a, b), f32x4.pmax(c, d));
  const middle = f32x4.pmax(f32x4.pmin(low, high), f32x4.pmin(f32x4.pmax(low, high), e));
  return v128.and(middle, f32x4.lt(f32x4.abs(middle), f32x4.splat(Infinity)));
}

/**
 * K = 0 where the median lies no further from it than twice the samples' range, which for ten normal
 * ones is three standard deviations: as near as need be, and nothing is left to subtract. Elsewhere
 * the median. @inline
 */
function zeroIfNear(middle: v128, range: v128): v128 {
  return v128.andnot(middle, f32x4.le(f32x4.abs(middle), f32x4.add(range, range)));
}

/** @inline */
function least(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
  return f32x4.pmin(f32x4.pmin(f32x4.pmin(a, b), f32x4.pmin(c, d)), e);
}

/** @inline */
function greatest(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
  return f32x4.pmax(f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d)), e);
}

/**
 * Totals → δ, var, invStd of channels [from, to). On the first call a channel whose shift lay more
 * than four standard deviations off the mean gets the shift K + δ; returns whether there was one.
 */
function finish(
  shift: usize, // [c] f32, in and out
  delta: usize, // [c] f32
  invStd: usize, // [c] f32
  variance: usize, // [c] f32
  totals: usize, // [2, C] f64
  m: f64,
  c: i32,
  eps: f32,
  from: i32,
  to: i32,
  first: bool,
): bool {
  const share = f64x2.splat(1 / m);
  const total = totals;
  const totalProduct = totals + ((<usize>padded(c)) << 3);
  let moved: bool = false;
  for (let j = from; j < to; j += 4) {
    const count = to - j;
    const p = total + ((<usize>j) << 3);
    const q = totalProduct + ((<usize>j) << 3);
    const d0 = f64x2.mul(v128.load(p), share);
    const d1 = f64x2.mul(v128.load(p, 16), share);
    const v0 = spread(v128.load(q), share, d0);
    const v1 = spread(v128.load(q, 16), share, d1);
    const d = narrow(d0, d1);
    const v = narrow(v0, v1);
    storeUpTo(at(delta, j), d, count);
    storeUpTo(at(variance, j), v, count);
    const sd = f32x4.sqrt(f32x4.add(v, f32x4.splat(eps)));
    storeUpTo(at(invStd, j), f32x4.div(f32x4.splat(1), sd), count);
    if (first) {
      const far = v128.and(f32x4.gt(f32x4.mul(d, d), f32x4.mul(v, f32x4.splat(16))), inside(count));
      if (v128.any_true(far)) {
        const k = loadUpTo(at(shift, j), count);
        storeUpTo(at(shift, j), f32x4.add(k, v128.and(d, far)), count);
        moved = true;
      }
    }
  }
  return moved;
}

/**
 * Σd²/m − δ², where rounding cannot make it negative and NaN stays.
 * @inline
 */
function spread(product: v128, share: v128, d: v128): v128 {
  return f64x2.pmax(f64x2.sub(f64x2.mul(product, share), f64x2.mul(d, d)), f64x2.splat(0));
}

/**
 * Two pairs of float64 as four float32.
 * @inline
 */
function narrow(low: v128, high: v128): v128 {
  const a = f32x4.demote_f64x2_zero(low);
  const b = f32x4.demote_f64x2_zero(high);
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
}
