/**
 * The two sums that both directions of batch norm are made of, per channel, with d = x − K:
 *
 *   Σ u   and   Σ u·d
 *
 * For the statistics u = d. For the gradient u = dy, or what a fused ReLU lets through of it. A lane
 * adds at most 256 float32 terms before its sum moves on to float64, so the error of a sum does not
 * grow with the batch.
 */

import { keepUpTo, madd, sumLanes } from '../lanes';
import { loadNumbers } from './row-tiling';

/** What u is. */
export const STATISTICS = 0; // d
export const GRADIENT = 1; // dy
export const GRADIENT_RELU = 2; // dy where y = max(d·a + b, 0) is not ≤ 0

/** Terms that one float32 lane adds up before float64 takes over. */
export const RUN = 256;
/**
 * Channels, rounded up to the multiple that scratch blocks are made of.
 * @inline
 */
export function padded(c: i32): i32 {
  return (c + 15) & ~15;
}

/**
 * All ones in the first `count` lanes.
 * @inline
 */
export function inside(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count));
}

/**
 * (x − K)·a + b; `plain`: K = 0.
 * @inline
 */
export function normalized(plain: bool, x: v128, k: v128, a: v128, b: v128): v128 {
  return madd(plain ? x : f32x4.sub(x, k), a, b);
}

/**
 * y, or with `relu` the floor where y is less; NaN stays. The floor is 0, or −∞ where one loop serves
 * batch norms with a ReLU and without. @inline
 */
export function clamped(relu: bool, y: v128, floor: v128): v128 {
  return relu ? f32x4.pmax(y, floor) : y;
}

/**
 * dy as the batch norm receives it. A ReLU behind it stops dy where z = d·a + b ≤ 0; z is the very
 * number that the forward pass computed, so y need not be read. NaN lets dy through, as in PyTorch.
 * @inline
 */
export function received(kind: i32, dy: v128, d: v128, a: v128, b: v128): v128 {
  if (kind != GRADIENT_RELU) return dy;
  return v128.andnot(dy, f32x4.le(madd(d, a, b), f32x4.splat(0)));
}

/**
 * Whether dx depends on x.
 * @inline
 */
export function readsX(kind: i32, training: bool): bool {
  return training || kind == GRADIENT_RELU;
}

/**
 * dy·a + (x − K)·p + q, or dy·a; `plain`: K = 0.
 * @inline
 */
export function inputGradient(
  kind: i32,
  training: bool,
  plain: bool,
  dy: v128,
  x: v128,
  k: v128,
  a: v128,
  b: v128,
  p: v128,
  q: v128,
): v128 {
  const d = plain ? x : f32x4.sub(x, k);
  const through = received(kind, dy, d, a, b);
  if (!training) return f32x4.mul(through, a);
  return madd(through, a, madd(d, p, q));
}

/**
 * u of up to four numbers.
 * @inline
 */
export function term(
  kind: i32,
  dy: usize,
  count: i32,
  next: bool,
  d: v128,
  a: v128,
  b: v128,
): v128 {
  if (kind == STATISTICS) return d;
  return received(kind, loadNumbers(dy, count, next), d, a, b);
}

/**
 * x − K of up to four numbers, or with `next` of the four after them; `plain`: K = 0. Beyond
 * `count` it is 0.
 * @inline
 */
export function difference(plain: bool, x: usize, count: i32, next: bool, k: v128): v128 {
  const v = loadNumbers(x, count, next);
  if (plain) return v;
  const d = f32x4.sub(v, k);
  return count < 4 ? keepUpTo(d, count) : d;
}

/**
 * total += Σ u and totalProduct += Σ u·d over one plane of s numbers. Four sums a kind hide the
 * latency of the addition. @inline
 */
export function sumPlane(
  kind: i32,
  plain: bool, // K = 0
  total: usize, // [1] f64
  totalProduct: usize, // [1] f64
  x: usize, // [s] f32
  dy: usize, // [s] f32; not read for the statistics
  k: v128,
  a: v128,
  b: v128,
  s: i32,
): void {
  const end = x + ((<usize>s) << 2);
  let p = x;
  let q = dy;
  let sum: f64 = 0;
  let product: f64 = 0;
  while (p < end) {
    // 16 lanes, each at most RUN terms
    const stop = min(p + RUN * 64, end);
    const whole = p + ((stop - p) & ~63);
    const most = p + ((stop - p) & ~15);
    let u0 = f32x4.splat(0);
    let u1 = u0;
    let u2 = u0;
    let u3 = u0;
    let v0 = u0;
    let v1 = u0;
    let v2 = u0;
    let v3 = u0;
    while (p < whole) {
      const d0 = difference(plain, p, 4, false, k);
      const t0 = term(kind, q, 4, false, d0, a, b);
      u0 = f32x4.add(u0, t0);
      v0 = madd(t0, d0, v0);
      const d1 = difference(plain, p, 4, true, k);
      const t1 = term(kind, q, 4, true, d1, a, b);
      u1 = f32x4.add(u1, t1);
      v1 = madd(t1, d1, v1);
      const d2 = difference(plain, p + 32, 4, false, k);
      const t2 = term(kind, q + 32, 4, false, d2, a, b);
      u2 = f32x4.add(u2, t2);
      v2 = madd(t2, d2, v2);
      const d3 = difference(plain, p + 32, 4, true, k);
      const t3 = term(kind, q + 32, 4, true, d3, a, b);
      u3 = f32x4.add(u3, t3);
      v3 = madd(t3, d3, v3);
      p += 64;
      q += 64;
    }
    while (p < most) {
      const d = difference(plain, p, 4, false, k);
      const t = term(kind, q, 4, false, d, a, b);
      u0 = f32x4.add(u0, t);
      v0 = madd(t, d, v0);
      p += 16;
      q += 16;
    }
    if (p < stop) {
      const count = <i32>((stop - p) >> 2);
      const d = difference(plain, p, count, false, k);
      const t = term(kind, q, count, false, d, a, b);
      u1 = f32x4.add(u1, t);
      v1 = madd(t, d, v1);
      p = stop;
    }
    sum += <f64>sumLanes(f32x4.add(f32x4.add(u0, u1), f32x4.add(u2, u3)));
    product += <f64>sumLanes(f32x4.add(f32x4.add(v0, v1), f32x4.add(v2, v3)));
  }
  f64.store(total, f64.load(total) + sum);
  f64.store(totalProduct, f64.load(totalProduct) + product);
}
