/**
 * The loops of layer norm and RMS norm over one row, in the terms of layernorm.ts. `centred` is known at
 * compile time. With it they are the loops of layer norm, and d is x − K. Without it they are the loops of
 * RMS norm: d is x, and there is no mean, and so no K, e, q and β.
 */
import { loadUpTo, madd, storeUpTo, sumLanes, sumPair } from '../lanes';
import { RUN as TERMS } from '../reduce';

/** Bytes of a row that eight float32 lanes add before their sum is added in float64. */
const RUN: usize = TERMS * 32;

/**
 * d·a + b, or d·a.
 * @inline
 */
function linear(centred: bool, d: v128, a: v128, b: v128): v128 {
  return centred ? madd(d, a, b) : f32x4.mul(d, a);
}

/**
 * y = x̂·γ + β, or x̂·γ.
 * @inline
 */
export function normalizeRow(
  centred: bool,
  y: usize, // [width bytes] f32
  d: usize, // [width bytes] f32
  weight: usize, // [width bytes] f32, γ
  bias: usize, // [width bytes] f32, β
  r: v128,
  e: v128,
  width: usize,
): void {
  const end = d + width;
  const whole = d + (width & ~31);
  while (d < whole) {
    const n0 = linear(centred, v128.load(d), r, e);
    const n1 = linear(centred, v128.load(d, 16), r, e);
    if (centred) {
      v128.store(y, madd(n0, v128.load(weight), v128.load(bias)));
      v128.store(y, madd(n1, v128.load(weight, 16), v128.load(bias, 16)), 16);
      bias += 32;
    } else {
      v128.store(y, f32x4.mul(n0, v128.load(weight)));
      v128.store(y, f32x4.mul(n1, v128.load(weight, 16)), 16);
    }
    d += 32;
    y += 32;
    weight += 32;
  }
  while (d < end) {
    const count = <i32>((end - d) >> 2);
    const n = linear(centred, loadUpTo(d, count), r, e);
    const w = loadUpTo(weight, count);
    const v = centred ? madd(n, w, loadUpTo(bias, count)) : f32x4.mul(n, w);
    storeUpTo(y, v, count);
    d += 16;
    y += 16;
    weight += 16;
    if (centred) bias += 16;
  }
}

/**
 * Σ dy·γ (0 if not centred) and Σ dy·γ·x̂ of a row, as two float64. Adds dy·x̂ and, if centred, dy to the
 * sums of each column.
 * @inline
 */
export function sumRow(
  centred: bool,
  sums: usize, // [width bytes] f32, added to: dy·x̂
  sumsOfDy: usize, // [width bytes] f32, added to: dy; read if centred only
  dy: usize, // [width bytes] f32
  d: usize, // [width bytes] f32
  weight: usize, // [width bytes] f32, γ
  r: v128,
  e: v128,
  width: usize,
): v128 {
  const end = d + width;
  const apart = sumsOfDy - sums;
  let total = f64x2.splat(0);
  while (d < end) {
    const stop = min(d + RUN, end);
    const whole = d + ((stop - d) & ~31);
    let u0 = f32x4.splat(0);
    let u1 = u0;
    let v0 = u0;
    let v1 = u0;
    while (d < whole) {
      const g0 = v128.load(dy);
      const w0 = v128.load(weight);
      const t0 = f32x4.mul(g0, linear(centred, v128.load(d), r, e));
      v128.store(sums, f32x4.add(v128.load(sums), t0));
      if (centred) {
        v128.store(sums + apart, f32x4.add(v128.load(sums + apart), g0));
        u0 = madd(g0, w0, u0);
      }
      v0 = madd(t0, w0, v0);
      const g1 = v128.load(dy, 16);
      const w1 = v128.load(weight, 16);
      const t1 = f32x4.mul(g1, linear(centred, v128.load(d, 16), r, e));
      v128.store(sums, f32x4.add(v128.load(sums, 16), t1), 16);
      if (centred) {
        v128.store(sums + apart, f32x4.add(v128.load(sums + apart, 16), g1), 16);
        u1 = madd(g1, w1, u1);
      }
      v1 = madd(t1, w1, v1);
      d += 32;
      dy += 32;
      weight += 32;
      sums += 32;
    }
    while (d < stop) {
      const count = <i32>((stop - d) >> 2);
      const g = loadUpTo(dy, count);
      const w = loadUpTo(weight, count);
      const t = f32x4.mul(g, linear(centred, loadUpTo(d, count), r, e));
      storeUpTo(sums, f32x4.add(loadUpTo(sums, count), t), count);
      if (centred) {
        storeUpTo(sums + apart, f32x4.add(loadUpTo(sums + apart, count), g), count);
        u0 = madd(g, w, u0);
      }
      v0 = madd(t, w, v0);
      d += 16;
      dy += 16;
      weight += 16;
      sums += 16;
    }
    d = stop;
    const v = f32x4.add(v0, v1);
    const run = centred
      ? sumPair(f32x4.add(u0, u1), v)
      : f64x2.replace_lane(f64x2.splat(0), 1, <f64>sumLanes(v));
    total = f64x2.add(total, run);
  }
  return total;
}

/**
 * dx = dy·γ·r + d·p + q, or dy·γ·r + d·p. dx may be dy.
 * @inline
 */
export function differentiateRow(
  centred: bool,
  dx: usize, // [width bytes] f32
  dy: usize, // [width bytes] f32
  d: usize, // [width bytes] f32
  weight: usize, // [width bytes] f32, γ
  r: v128,
  p: v128,
  q: v128,
  width: usize,
): void {
  const end = d + width;
  const whole = d + (width & ~31);
  while (d < whole) {
    const g0 = f32x4.mul(v128.load(dy), v128.load(weight));
    const g1 = f32x4.mul(v128.load(dy, 16), v128.load(weight, 16));
    v128.store(dx, madd(g0, r, linear(centred, v128.load(d), p, q)));
    v128.store(dx, madd(g1, r, linear(centred, v128.load(d, 16), p, q)), 16);
    d += 32;
    dx += 32;
    dy += 32;
    weight += 32;
  }
  while (d < end) {
    const count = <i32>((end - d) >> 2);
    const g = f32x4.mul(loadUpTo(dy, count), loadUpTo(weight, count));
    storeUpTo(dx, madd(g, r, linear(centred, loadUpTo(d, count), p, q)), count);
    d += 16;
    dx += 16;
    dy += 16;
    weight += 16;
  }
}
