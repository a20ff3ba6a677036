/**
 * Batch norm of a channel with m values, mean = K + δ and σ = √(variance + eps):
 *
 *   y  = γ·(x − mean)/σ + β                       = d·a + b             with d = x − K
 *   dx = γ/σ·(dy − B/m − (x − mean)·G/(m·σ²))     = dy·a + d·p + q
 *
 *   B  = Σ dy                                     dβ = B
 *   G  = Σ dy·(x − mean) = Σ dy·d − δ·B           dγ = G/σ
 *
 * A shift K near the mean keeps the digits of x − mean; channels.ts has a, b, p and q. This file has what
 * every loop does to an element, and the terms of the two sums that forward and backward take:
 *
 *   Σ u   and   Σ u·d
 *
 * For the statistics u = d. For the gradient u = dy, or the part of dy that passes a fused ReLU. A float32
 * lane adds at most RUN terms (reduce.ts) before its sum is added in float64, so the error of a sum does
 * not grow with the batch.
 */

import { keepUpTo, loadPartial, madd } from '../lanes';

/** What u is. */
export const STATISTICS = 0; // d
export const GRADIENT = 1; // dy
export const GRADIENT_RELU = 2; // dy where y = max(d·a + b, 0) is not ≤ 0

/**
 * d·a + b; `unshifted`: K = 0.
 * @inline
 */
export function normalized(unshifted: bool, x: v128, k: v128, a: v128, b: v128): v128 {
  return madd(unshifted ? x : f32x4.sub(x, k), a, b);
}

/**
 * y, or with `relu` max(y, floor); NaN stays. The floor is 0, or −∞ without a ReLU if one loop serves both.
 * @inline
 */
export function clamped(relu: bool, y: v128, floor: v128): v128 {
  return relu ? f32x4.pmax(y, floor) : y;
}

/**
 * The dy that reaches the batch norm. A ReLU after it blocks dy where d·a + b ≤ 0. The forward pass
 * computed the same number, to the bit, so y need not be read. NaN passes dy, as in PyTorch.
 * @inline
 */
export function received(kind: i32, dy: v128, d: v128, a: v128, b: v128): v128 {
  if (kind != GRADIENT_RELU) return dy;
  return v128.andnot(dy, f32x4.le(madd(d, a, b), f32x4.splat(0)));
}

/**
 * Whether dx depends on x; `frozen`: the statistics are constants.
 * @inline
 */
export function readsX(kind: i32, frozen: bool): bool {
  return !frozen || kind == GRADIENT_RELU;
}

/**
 * dy·a + d·p + q, or with frozen statistics dy·a; `unshifted`: K = 0.
 * @inline
 */
export function inputGradient(
  kind: i32,
  frozen: bool,
  unshifted: bool,
  dy: v128,
  x: v128,
  k: v128,
  a: v128,
  b: v128,
  p: v128,
  q: v128,
): v128 {
  const d = unshifted ? x : f32x4.sub(x, k);
  const through = received(kind, dy, d, a, b);
  if (frozen) return f32x4.mul(through, a);
  return madd(through, a, madd(d, p, q));
}

/**
 * d of up to four numbers, or with `next` of the four after them; `unshifted`: K = 0. Beyond `count` it
 * is 0. @inline
 */
export function difference(unshifted: bool, x: usize, count: i32, next: bool, k: v128): v128 {
  const v = loadNumbers(x, count, next);
  if (unshifted) return v;
  const d = f32x4.sub(v, k);
  return count < 4 ? keepUpTo(d, count) : d;
}

/**
 * u of up to four numbers, or with `next` of the four after them.
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
 * Up to four numbers at `p`, or with `next` the four after them.
 * @inline
 */
export function loadNumbers(p: usize, count: i32, next: bool): v128 {
  if (count < 4) return loadPartial(p, count);
  return next ? v128.load(p, 16) : v128.load(p);
}

/**
 * v where the mask is not 0, else 0.
 * @inline
 */
export function whereCounted(v: v128, mask: v128): v128 {
  return v128.and(v, counts(mask));
}

/**
 * All ones where a mask is not 0.
 * @inline
 */
export function counts(mask: v128): v128 {
  return f32x4.ne(mask, f32x4.splat(0));
}
