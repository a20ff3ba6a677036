/**
 * RMS norm of rows of d numbers. With r = 1/√(Σx²/d + eps) of a row,
 *
 *   x̂  = x·r
 *   y  = x̂·γ
 *   dx = dy·γ·r + x·p      p = −r²·Σ(dy·γ·x̂)/d
 *   dγ = Σ dy·x̂            over the rows
 *
 * A row is read twice, the second time from the first-level cache, as in layernorm.ts.
 */
import { at, loadUpTo, madd, storeUpTo, sumLanes } from '../lanes';
import { CHUNK, squares } from './row';

/** y = x·r·γ for rows [from, to); saves r of each. y may be x. */
export function rmsNormForward(
  y: usize, // [n, d] f32
  invRms: usize, // [n] f32, r
  x: usize, // [n, d] f32
  weight: usize, // [d] f32, γ
  d: i32,
  eps: f32,
  from: i32,
  to: i32,
): void {
  const width = (<usize>d) << 2;
  const share: f64 = 1 / <f64>d;
  for (let i = from; i < to; i++) {
    let p = x + <usize>i * width;
    let q = y + <usize>i * width;
    let w = weight;
    const mean = f64x2.extract_lane(squares(p, d), 1) * share;
    const scale: f32 = 1 / sqrt<f32>(<f32>mean + eps);
    f32.store(at(invRms, i), scale);
    const r = f32x4.splat(scale);
    const end = p + width;
    const whole = p + (width & ~31);
    while (p < whole) {
      v128.store(q, f32x4.mul(f32x4.mul(v128.load(p), r), v128.load(w)));
      v128.store(q, f32x4.mul(f32x4.mul(v128.load(p, 16), r), v128.load(w, 16)), 16);
      p += 32;
      q += 32;
      w += 32;
    }
    while (p < end) {
      const count = <i32>((end - p) >> 2);
      storeUpTo(q, f32x4.mul(f32x4.mul(loadUpTo(p, count), r), loadUpTo(w, count)), count);
      p += 16;
      q += 16;
      w += 16;
    }
  }
}

/**
 * For rows [from, to), from a multiple of 256: dx, which overwrites and may be dy; and what each 256 rows
 * add to dγ, which sumChunks adds up.
 */
export function rmsNormBackward(
  dx: usize, // [n, d] f32; 0: not wanted
  partial: usize, // [⌈n/256⌉, d] f32: Σ dy·x̂
  invRms: usize, // [n] f32, r
  dy: usize, // [n, d] f32
  x: usize, // [n, d] f32
  weight: usize, // [d] f32, γ
  d: i32,
  from: i32,
  to: i32,
): void {
  const width = (<usize>d) << 2;
  const share: f64 = -1 / <f64>d;
  for (let i = from; i < to; i++) {
    const sums = partial + <usize>(i / CHUNK) * width;
    if (i % CHUNK == 0) memory.fill(sums, 0, width);
    const o = <usize>i * width;
    const scale = f32.load(at(invRms, i));
    const r = f32x4.splat(scale);
    const product = sumRow(sums, dy + o, x + o, weight, r, width);
    if (!dx) continue;
    const p = <f32>(share * <f64>scale * <f64>scale * product);
    differentiateRow(dx + o, dy + o, x + o, weight, r, f32x4.splat(p), width);
  }
}

/**
 * Σ dy·γ·x̂ of a row; adds dy·x̂ to the sums of each column.
 * @inline
 */
function sumRow(
  sums: usize, // [d] f32
  dy: usize,
  x: usize,
  weight: usize,
  r: v128,
  width: usize,
): f64 {
  const end = x + width;
  let total: f64 = 0;
  while (x < end) {
    const stop = min(x + <usize>CHUNK * 32, end);
    const whole = x + ((stop - x) & ~31);
    let v0 = f32x4.splat(0);
    let v1 = v0;
    while (x < whole) {
      const t0 = f32x4.mul(v128.load(dy), f32x4.mul(v128.load(x), r));
      const t1 = f32x4.mul(v128.load(dy, 16), f32x4.mul(v128.load(x, 16), r));
      v128.store(sums, f32x4.add(v128.load(sums), t0));
      v128.store(sums, f32x4.add(v128.load(sums, 16), t1), 16);
      v0 = madd(t0, v128.load(weight), v0);
      v1 = madd(t1, v128.load(weight, 16), v1);
      x += 32;
      dy += 32;
      weight += 32;
      sums += 32;
    }
    while (x < stop) {
      const count = <i32>((stop - x) >> 2);
      const t = f32x4.mul(loadUpTo(dy, count), f32x4.mul(loadUpTo(x, count), r));
      storeUpTo(sums, f32x4.add(loadUpTo(sums, count), t), count);
      v0 = madd(t, loadUpTo(weight, count), v0);
      x += 16;
      dy += 16;
      weight += 16;
      sums += 16;
    }
    x = stop;
    total += <f64>sumLanes(f32x4.add(v0, v1));
  }
  return total;
}

/** @inline */
function differentiateRow(
  dx: usize,
  dy: usize,
  x: usize,
  weight: usize,
  r: v128,
  p: v128,
  width: usize,
): void {
  const end = x + width;
  const whole = x + (width & ~31);
  while (x < whole) {
    const g0 = f32x4.mul(v128.load(dy), v128.load(weight));
    const g1 = f32x4.mul(v128.load(dy, 16), v128.load(weight, 16));
    v128.store(dx, madd(g0, r, f32x4.mul(v128.load(x), p)));
    v128.store(dx, madd(g1, r, f32x4.mul(v128.load(x, 16), p)), 16);
    x += 32;
    dx += 32;
    dy += 32;
    weight += 32;
  }
  while (x < end) {
    const count = <i32>((end - x) >> 2);
    const g = f32x4.mul(loadUpTo(dy, count), loadUpTo(weight, count));
    storeUpTo(dx, madd(g, r, f32x4.mul(loadUpTo(x, count), p)), count);
    x += 16;
    dx += 16;
    dy += 16;
    weight += 16;
  }
}
