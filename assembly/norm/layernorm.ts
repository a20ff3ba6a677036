/**
 * Layer norm of rows of d numbers, `stride` apart. With mean = K + δ of a row and r = 1/√(var + eps),
 *
 *   x̂  = (x − K)·r + e                       e = −δ·r
 *   y  = x̂·γ + β
 *   dx = dy·γ·r + x̂·p + q                    p = −r·Σ(dy·γ·x̂)/d     q = −r·Σ(dy·γ)/d
 *   dγ = Σ dy·x̂      dβ = Σ dy               over the rows
 *
 * A row is read twice, the second time from the first-level cache, where rows of up to some thousand
 * numbers still stand.
 */
import { at, loadUpTo, madd, storeUpTo } from '../lanes';
import { CHUNK, differences, rowStatistics, sumPair } from './row';

/** y = x̂·γ + β for rows [from, to); saves K, δ and r of each. y may be x. */
export function layerNormForward(
  y: usize, // [n, d] f32
  shift: usize, // [n] f32, K
  delta: usize, // [n] f32, δ
  invStd: usize, // [n] f32, r
  x: usize, // [n, d] f32
  weight: usize, // [d] f32, γ
  bias: usize, // [d] f32, β
  d: i32,
  stride: i32,
  eps: f32,
  from: i32,
  to: i32,
): void {
  const row = (<usize>stride) << 2;
  for (let i = from; i < to; i++) {
    const q = y + <usize>i * row;
    const r = at(invStd, i);
    const e = at(delta, i);
    const p = rowStatistics(at(shift, i), e, r, 0, x + <usize>i * row, d, eps, q);
    const s = v128.load32_splat(r);
    normalizeRow(q, p, weight, bias, s, f32x4.mul(f32x4.neg(v128.load32_splat(e)), s), d);
  }
}

/** @inline */
function normalizeRow(
  y: usize,
  x: usize, // x − K
  weight: usize,
  bias: usize,
  r: v128,
  e: v128,
  d: i32,
): void {
  const end = x + ((<usize>d) << 2);
  const whole = x + (((<usize>d) << 2) & ~31);
  while (x < whole) {
    const n0 = madd(v128.load(x), r, e);
    const n1 = madd(v128.load(x, 16), r, e);
    v128.store(y, madd(n0, v128.load(weight), v128.load(bias)));
    v128.store(y, madd(n1, v128.load(weight, 16), v128.load(bias, 16)), 16);
    x += 32;
    y += 32;
    weight += 32;
    bias += 32;
  }
  while (x < end) {
    const count = <i32>((end - x) >> 2);
    const n = madd(loadUpTo(x, count), r, e);
    storeUpTo(y, madd(n, loadUpTo(weight, count), loadUpTo(bias, count)), count);
    x += 16;
    y += 16;
    weight += 16;
    bias += 16;
  }
}

/**
 * For rows [from, to), from a multiple of 256: dx, which overwrites and may be dy; and what each 256 rows
 * add to dγ and dβ, which sumChunks adds up.
 */
export function layerNormBackward(
  dx: usize, // [n, d] f32; 0: not wanted
  partial: usize, // [⌈n/256⌉, 2, d] f32: Σ dy·x̂ and Σ dy
  shift: usize, // [n] f32, K
  delta: usize, // [n] f32, δ
  invStd: usize, // [n] f32, r
  dy: usize, // [n, d] f32
  x: usize, // [n, d] f32
  weight: usize, // [d] f32, γ
  d: i32,
  stride: i32,
  from: i32,
  to: i32,
  apart: usize, // [d] f32, scratch
): void {
  const row = (<usize>stride) << 2;
  const width = (<usize>d) << 2;
  const share: f64 = -1 / <f64>d;
  for (let i = from; i < to; i++) {
    const sums = partial + <usize>(i / CHUNK) * 2 * width;
    if (i % CHUNK == 0) memory.fill(sums, 0, 2 * width);
    const o = <usize>i * row;
    const p = differences(apart, x + o, f32.load(at(shift, i)), d);
    const r = f32.load(at(invStd, i));
    const e = -f32.load(at(delta, i)) * r;
    const s = f32x4.splat(r);
    const totals = sumRow(sums, dy + o, p, weight, s, f32x4.splat(e), width);
    if (!dx) continue;
    const scale = share * <f64>r;
    const product = scale * f64x2.extract_lane(totals, 1);
    const sum = scale * f64x2.extract_lane(totals, 0);
    const slope = f32x4.splat(<f32>(product * <f64>r));
    const intercept = f32x4.splat(<f32>(product * <f64>e + sum));
    differentiateRow(dx + o, dy + o, p, weight, s, slope, intercept, width);
  }
}

/**
 * Σ dy·γ and Σ dy·γ·x̂ of a row, as two float64; adds dy·x̂ and dy to the sums of each column.
 * @inline
 */
function sumRow(
  sums: usize, // [2, d] f32
  dy: usize,
  x: usize,
  weight: usize,
  r: v128,
  e: v128,
  width: usize,
): v128 {
  const end = x + width;
  let total = f64x2.splat(0);
  while (x < end) {
    const stop = min(x + <usize>CHUNK * 32, end);
    const whole = x + ((stop - x) & ~31);
    let u0 = f32x4.splat(0);
    let u1 = u0;
    let v0 = u0;
    let v1 = u0;
    while (x < whole) {
      const g0 = v128.load(dy);
      const w0 = v128.load(weight);
      const t0 = f32x4.mul(g0, madd(v128.load(x), r, e));
      v128.store(sums, f32x4.add(v128.load(sums), t0));
      v128.store(sums + width, f32x4.add(v128.load(sums + width), g0));
      u0 = madd(g0, w0, u0);
      v0 = madd(t0, w0, v0);
      const g1 = v128.load(dy, 16);
      const w1 = v128.load(weight, 16);
      const t1 = f32x4.mul(g1, madd(v128.load(x, 16), r, e));
      v128.store(sums, f32x4.add(v128.load(sums, 16), t1), 16);
      v128.store(sums + width, f32x4.add(v128.load(sums + width, 16), g1), 16);
      u1 = madd(g1, w1, u1);
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
      const t = f32x4.mul(g, madd(loadUpTo(x, count), r, e));
      storeUpTo(sums, f32x4.add(loadUpTo(sums, count), t), count);
      storeUpTo(sums + width, f32x4.add(loadUpTo(sums + width, count), g), count);
      u0 = madd(g, w, u0);
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

/** @inline */
function differentiateRow(
  dx: usize,
  dy: usize,
  x: usize,
  weight: usize,
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
    v128.store(dx, madd(g0, r, madd(v128.load(x), p, q)));
    v128.store(dx, madd(g1, r, madd(v128.load(x, 16), p, q)), 16);
    x += 32;
    dx += 32;
    dy += 32;
    weight += 32;
  }
  while (x < end) {
    const count = <i32>((end - x) >> 2);
    const g = f32x4.mul(loadUpTo(dy, count), loadUpTo(weight, count));
    storeUpTo(dx, madd(g, r, madd(loadUpTo(x, count), p, q)), count);
    x += 16;
    dx += 16;
    dy += 16;
    weight += 16;
  }
}
