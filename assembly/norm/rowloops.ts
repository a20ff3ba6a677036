/**
 * The loops of layer norm and RMS norm over one row, in the terms of layernorm.ts, for a KIND that is known
 * at compile time.
 */
import { loadUpTo, madd, storeUpTo } from '../lanes';
import { sumPair } from './row';

/** Bytes of a row that eight float32 lanes add up, 256 terms each, before float64 takes over. */
const RUN: usize = 256 * 32;

/** RMS norm: no mean, and so no K, e, q and β. */
export const PLAIN = 0;
/** Layer norm of a row whose K is 0. */
export const CENTRED = 1;
/** Layer norm of a row whose K is subtracted. */
export const SHIFTED = 2;

/**
 * (x − K)·a + b, or x·a.
 * @inline
 */
function linear(kind: i32, x: v128, k: v128, a: v128, b: v128): v128 {
  if (kind == PLAIN) return f32x4.mul(x, a);
  return madd(kind == SHIFTED ? f32x4.sub(x, k) : x, a, b);
}

/**
 * y = x̂·γ + β, or x̂·γ.
 * @inline
 */
export function normalizeRow(
  kind: i32,
  y: usize, // [width bytes] f32
  x: usize, // [width bytes] f32; K has been subtracted
  weight: usize, // [width bytes] f32, γ
  bias: usize, // [width bytes] f32, β
  r: v128,
  e: v128,
  width: usize,
): void {
  const end = x + width;
  const whole = x + (width & ~31);
  while (x < whole) {
    const n0 = linear(kind, v128.load(x), r, r, e);
    const n1 = linear(kind, v128.load(x, 16), r, r, e);
    if (kind == PLAIN) {
      v128.store(y, f32x4.mul(n0, v128.load(weight)));
      v128.store(y, f32x4.mul(n1, v128.load(weight, 16)), 16);
    } else {
      v128.store(y, madd(n0, v128.load(weight), v128.load(bias)));
      v128.store(y, madd(n1, v128.load(weight, 16), v128.load(bias, 16)), 16);
      bias += 32;
    }
    x += 32;
    y += 32;
    weight += 32;
  }
  while (x < end) {
    const count = <i32>((end - x) >> 2);
    const n = linear(kind, loadUpTo(x, count), r, r, e);
    const w = loadUpTo(weight, count);
    const v = kind == PLAIN ? f32x4.mul(n, w) : madd(n, w, loadUpTo(bias, count));
    storeUpTo(y, v, count);
    x += 16;
    y += 16;
    weight += 16;
    if (kind != PLAIN) bias += 16;
  }
}

/**
 * Σ dy·γ and Σ dy·γ·x̂ of a row, as two float64. Adds dy·x̂ and dy to the sums of each column.
 * @inline
 */
export function sumRow(
  kind: i32,
  sums: usize, // [width bytes] f32, added to: dy·x̂
  sumsOfDy: usize, // [width bytes] f32, added to: dy
  dy: usize, // [width bytes] f32
  x: usize, // [width bytes] f32
  k: v128,
  weight: usize, // [width bytes] f32, γ
  r: v128,
  e: v128,
  width: usize,
): v128 {
  const end = x + width;
  const apart = sumsOfDy - sums;
  let total = f64x2.splat(0);
  while (x < end) {
    const stop = min(x + RUN, end);
    const whole = x + ((stop - x) & ~31);
    let u0 = f32x4.splat(0);
    let u1 = u0;
    let v0 = u0;
    let v1 = u0;
    while (x < whole) {
      const g0 = v128.load(dy);
      const w0 = v128.load(weight);
      const t0 = f32x4.mul(g0, linear(kind, v128.load(x), k, r, e));
      v128.store(sums, f32x4.add(v128.load(sums), t0));
      if (kind != PLAIN) {
        v128.store(sums + apart, f32x4.add(v128.load(sums + apart), g0));
        u0 = madd(g0, w0, u0);
      }
      v0 = madd(t0, w0, v0);
      const g1 = v128.load(dy, 16);
      const w1 = v128.load(weight, 16);
      const t1 = f32x4.mul(g1, linear(kind, v128.load(x, 16), k, r, e));
      v128.store(sums, f32x4.add(v128.load(sums, 16), t1), 16);
      if (kind != PLAIN) {
        v128.store(sums + apart, f32x4.add(v128.load(sums + apart, 16), g1), 16);
        u1 = madd(g1, w1, u1);
      }
      v1 = madd(t1, w1, v1);
      x += 32;
      dy += 32;
      weight += 32;
      sums += 32;
    }
    while (x < stop) {
      const count = <i32>((stop - x) >> 2);
      const g = loadUpTo(dy, count);
      const w = loadUpTo(weight, count);
      const t = f32x4.mul(g, linear(kind, loadUpTo(x, count), k, r, e));
      storeUpTo(sums, f32x4.add(loadUpTo(sums, count), t), count);
      if (kind != PLAIN) {
        storeUpTo(sums + apart, f32x4.add(loadUpTo(sums + apart, count), g), count);
        u0 = madd(g, w, u0);
      }
      v0 = madd(t, w, v0);
      x += 16;
      dy += 16;
      weight += 16;
      sums += 16;
    }
    x = stop;
    total = f64x2.add(total, sumPair(f32x4.add(u0, u1), f32x4.add(v0, v1)));
  }
  return total;
}

/**
 * dx = dy·γ·r + d·p + q, or dy·γ·r + x·p. dx may be dy.
 * @inline
 */
export function differentiateRow(
  kind: i32,
  dx: usize, // [width bytes] f32
  dy: usize, // [width bytes] f32
  x: usize, // [width bytes] f32
  k: v128,
  weight: usize, // [width bytes] f32, γ
  r: v128,
  p: v128,
  q: v128,
  width: usize,
): void {
  const end = x + width;
  const whole = x + (width & ~31);
  while (x < whole) {
    const g0 = f32x4.mul(v128.load(dy), v128.load(weight));
    const g1 = f32x4.mul(v128.load(dy, 16), v128.load(weight, 16));
    const t0 = linear(kind, v128.load(x), k, p, q);
    const t1 = linear(kind, v128.load(x, 16), k, p, q);
    v128.store(dx, madd(g0, r, t0));
    v128.store(dx, madd(g1, r, t1), 16);
    x += 32;
    dx += 32;
    dy += 32;
    weight += 32;
  }
  while (x < end) {
    const count = <i32>((end - x) >> 2);
    const g = f32x4.mul(loadUpTo(dy, count), loadUpTo(weight, count));
    const t = linear(kind, loadUpTo(x, count), k, p, q);
    storeUpTo(dx, madd(g, r, t), count);
    x += 16;
    dx += 16;
    dy += 16;
    weight += 16;
  }
}
