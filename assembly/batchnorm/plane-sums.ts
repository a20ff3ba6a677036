/**
 * Σ u and Σ u·d of planes [n, c, s] (equations.ts says what u is), in the order of memory.
 *
 * The sums with a mask are a loop of their own: it reads the mask only in samples with holes, adds eight
 * lanes and not sixteen, and takes the tail one number at a time.
 */

import { at, madd, sumLanes } from '../lanes';
import {
  counts,
  difference,
  GRADIENT,
  GRADIENT_RELU,
  MAX_TERMS,
  STATISTICS,
  term,
} from './equations';
import { firstOf, hasHoles, lastOf } from './mask';
import { BatchNormShape, totalsBytes } from './shape';

/**
 * totals[0, j] = Σ u and totals[1, j] = Σ u·d for channels [from, to).
 * @inline
 */
export function sumPlanes(
  kind: i32,
  totals: usize, // [2, C] f64
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a; read for GRADIENT_RELU only
  offset: usize, // [c] f32, b; read for GRADIENT_RELU only
  dy: usize, // [n, c, s] f32; not read for the statistics
  x: usize, // [n, c, s] f32
  shape: BatchNormShape,
  from: i32,
  to: i32,
): void {
  const c = shape.c;
  const s = shape.s;
  const n = shape.n;
  const plane = (<usize>s) << 2;
  const products = totalsBytes(c);
  clearTotals(totals, products, from, to);
  for (let i = 0; i < n; i++) {
    let o = (<usize>i * <usize>c + <usize>from) * plane;
    for (let j = from; j < to; j++) {
      const t = totals + ((<usize>j) << 3);
      const k = v128.load32_splat(at(shift, j));
      if (kind == STATISTICS) {
        if (f32.load(at(shift, j)) == 0) {
          sumPlane(STATISTICS, true, t, t + products, x + o, 0, k, k, k, s);
        } else {
          sumPlane(STATISTICS, false, t, t + products, x + o, 0, k, k, k, s);
        }
      } else if (kind == GRADIENT) {
        sumPlane(GRADIENT, false, t, t + products, x + o, dy + o, k, k, k, s);
      } else {
        const a = v128.load32_splat(at(scale, j));
        const b = v128.load32_splat(at(offset, j));
        sumPlane(GRADIENT_RELU, false, t, t + products, x + o, dy + o, k, a, b, s);
      }
      o += plane;
    }
  }
}

/**
 * Sets both totals of channels [from, to) to 0.
 * @inline
 */
function clearTotals(totals: usize, products: usize, from: i32, to: i32): void {
  const total = totals + ((<usize>from) << 3);
  memory.fill(total, 0, (<usize>(to - from)) << 3);
  memory.fill(total + products, 0, (<usize>(to - from)) << 3);
}

/**
 * total += Σ u and totalProduct += Σ u·d over one plane of s numbers. Four sums a kind hide the
 * latency of the addition. @inline
 */
function sumPlane(
  kind: i32,
  unshifted: bool, // K = 0
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
    // 16 lanes, each at most MAX_TERMS terms
    const stop = min(p + MAX_TERMS * 64, end);
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
      const d0 = difference(unshifted, p, 4, false, k);
      const t0 = term(kind, q, 4, false, d0, a, b);
      u0 = f32x4.add(u0, t0);
      v0 = madd(t0, d0, v0);
      const d1 = difference(unshifted, p, 4, true, k);
      const t1 = term(kind, q, 4, true, d1, a, b);
      u1 = f32x4.add(u1, t1);
      v1 = madd(t1, d1, v1);
      const d2 = difference(unshifted, p + 32, 4, false, k);
      const t2 = term(kind, q + 32, 4, false, d2, a, b);
      u2 = f32x4.add(u2, t2);
      v2 = madd(t2, d2, v2);
      const d3 = difference(unshifted, p + 32, 4, true, k);
      const t3 = term(kind, q + 32, 4, true, d3, a, b);
      u3 = f32x4.add(u3, t3);
      v3 = madd(t3, d3, v3);
      p += 64;
      q += 64;
    }
    while (p < most) {
      const d = difference(unshifted, p, 4, false, k);
      const t = term(kind, q, 4, false, d, a, b);
      u0 = f32x4.add(u0, t);
      v0 = madd(t, d, v0);
      p += 16;
      q += 16;
    }
    if (p < stop) {
      const count = <i32>((stop - p) >> 2);
      const d = difference(unshifted, p, count, false, k);
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

/**
 * totals[0, j] = Σ u and totals[1, j] = Σ u·d for channels [from, to), over the positions that count, with
 * u = dy for the gradient and u = d for the statistics. @inline
 */
export function sumMaskedPlanes(
  gradient: bool,
  totals: usize, // [2, C] f64
  shift: usize, // [c] f32, K
  dy: usize, // [n, c, s] f32; not read for the statistics
  x: usize, // [n, c, s] f32
  mask: usize, // [n, s] f32
  shape: BatchNormShape,
  from: i32,
  to: i32,
): void {
  const c = shape.c;
  const s = shape.s;
  const n = shape.n;
  const plane = (<usize>s) << 2;
  const products = totalsBytes(c);
  clearTotals(totals, products, from, to);
  for (let i = 0; i < n; i++) {
    const sample = mask + <usize>i * plane;
    const first = firstOf(sample, s);
    const last = lastOf(sample, s);
    const holes = hasHoles(sample, first, last);
    const before = (<usize>first) << 2;
    const bytes = (<usize>(last - first)) << 2;
    const m = sample + before;
    let o = (<usize>i * <usize>c + <usize>from) * plane + before;
    for (let j = from; j < to; j++) {
      const t = totals + ((<usize>j) << 3);
      const k = v128.load32_splat(at(shift, j));
      if (holes) sumMaskedPlane(gradient, true, t, t + products, k, dy + o, x + o, m, bytes);
      else sumMaskedPlane(gradient, false, t, t + products, k, dy + o, x + o, m, bytes);
      o += plane;
    }
  }
}

/**
 * Adds one plane's sums to the totals; without `holes` all of it counts.
 * @inline
 */
function sumMaskedPlane(
  gradient: bool,
  holes: bool,
  total: usize, // [1] f64
  totalProduct: usize, // [1] f64
  k: v128,
  dy: usize,
  x: usize,
  mask: usize,
  bytes: usize,
): void {
  const end = x + bytes;
  const whole = x + (bytes & ~31);
  let sum: f64 = 0;
  let product: f64 = 0;
  while (x < whole) {
    const stop = min(x + MASKED_TERMS * 32, whole);
    let u0 = f32x4.splat(0);
    let u1 = u0;
    let v0 = u0;
    let v1 = u0;
    while (x < stop) {
      let d0 = f32x4.sub(v128.load(x), k);
      let d1 = f32x4.sub(v128.load(x, 16), k);
      let t0 = gradient ? v128.load(dy) : d0;
      let t1 = gradient ? v128.load(dy, 16) : d1;
      if (holes) {
        const m0 = counts(v128.load(mask));
        const m1 = counts(v128.load(mask, 16));
        d0 = v128.and(d0, m0);
        d1 = v128.and(d1, m1);
        t0 = gradient ? v128.and(t0, m0) : d0;
        t1 = gradient ? v128.and(t1, m1) : d1;
      }
      u0 = f32x4.add(u0, t0);
      u1 = f32x4.add(u1, t1);
      v0 = madd(t0, d0, v0);
      v1 = madd(t1, d1, v1);
      x += 32;
      dy += 32;
      mask += 32;
    }
    sum += <f64>sumLanes(f32x4.add(u0, u1));
    product += <f64>sumLanes(f32x4.add(v0, v1));
  }
  const shift = f32x4.extract_lane(k, 0);
  while (x < end) {
    if (!holes || f32.load(mask) != 0) {
      const d = <f64>(f32.load(x) - shift);
      const t = gradient ? <f64>f32.load(dy) : d;
      sum += t;
      product += t * d;
    }
    x += 4;
    dy += 4;
    mask += 4;
  }
  f64.store(total, f64.load(total) + sum);
  f64.store(totalProduct, f64.load(totalProduct) + product);
}

/** Terms that a float32 lane of a masked plane adds before float64 takes over. */
const MASKED_TERMS = 64;
