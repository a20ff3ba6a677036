/**
 * Σ u and Σ u·d of planes [n, c, s] (equations.ts says what u is), in memory order.
 *
 * The sums with a mask have a separate loop: it reads the mask only in samples with holes, adds eight lanes
 * rather than sixteen, and handles the tail one number at a time.
 */

import { at, keepUpTo, loadVector, madd, sumLanes } from '../lanes';
import { ProductTerms, sumProductRuns } from '../reduce';
import { counts, GRADIENT, GRADIENT_RELU, received, STATISTICS } from './equations';
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
  const none = f32x4.splat(0);
  clearTotals(totals + ((<usize>from) << 3), products, to - from);
  for (let i = 0; i < n; i++) {
    let o = (<usize>i * <usize>c + <usize>from) * plane;
    for (let j = from; j < to; j++) {
      const t = totals + ((<usize>j) << 3);
      const k = v128.load32_splat(at(shift, j));
      const u = x + o;
      const v = dy + o;
      if (kind == STATISTICS) {
        if (f32.load(at(shift, j)) == 0) {
          addToChannel(t, products, sumProductRuns<Squares>(u, u, s, k, k, k, none, none, 1));
        } else {
          addToChannel(
            t,
            products,
            sumProductRuns<ShiftedSquares>(u, u, s, k, k, k, none, none, 1),
          );
        }
      } else if (kind == GRADIENT) {
        addToChannel(t, products, sumProductRuns<Gradients>(u, v, s, k, k, k, none, none, 1));
      } else {
        const a = v128.load32_splat(at(scale, j));
        const b = v128.load32_splat(at(offset, j));
        addToChannel(t, products, sumProductRuns<ReluGradients>(u, v, s, k, a, b, none, none, 1));
      }
      o += plane;
    }
  }
}

/**
 * Sets both totals of `count` channels to 0, starting with the channel whose Σ u is at `total`.
 * @inline
 */
export function clearTotals(total: usize, products: usize, count: i32): void {
  const bytes = (<usize>count) << 3;
  memory.fill(total, 0, bytes);
  memory.fill(total + products, 0, bytes);
}

/**
 * Adds Σ u and Σ u·d of one plane to its channel's totals.
 * @inline
 */
function addToChannel(total: usize, products: usize, sums: v128): void {
  f64.store(total, f64.load(total) + f64x2.extract_lane(sums, 0));
  f64.store(total + products, f64.load(total + products) + f64x2.extract_lane(sums, 1));
}

/** u = d = x − K. */
@unmanaged
class ShiftedSquares extends ProductTerms {
  d(x: usize, vector: i32, count: i32, k: v128): v128 {
    return shifted(x, vector, count, k);
  }
  u(y: usize, vector: i32, count: i32, d: v128, a: v128, b: v128): v128 {
    return d;
  }
}

/** u = d = x, where K = 0. */
@unmanaged
class Squares extends ProductTerms {
  d(x: usize, vector: i32, count: i32, k: v128): v128 {
    return loadVector(x, vector, count);
  }
  u(y: usize, vector: i32, count: i32, d: v128, a: v128, b: v128): v128 {
    return d;
  }
}

/** u = dy. */
@unmanaged
class Gradients extends ProductTerms {
  d(x: usize, vector: i32, count: i32, k: v128): v128 {
    return shifted(x, vector, count, k);
  }
  u(y: usize, vector: i32, count: i32, d: v128, a: v128, b: v128): v128 {
    return loadVector(y, vector, count);
  }
}

/** u = dy where a ReLU passes it, else 0. */
@unmanaged
class ReluGradients extends ProductTerms {
  d(x: usize, vector: i32, count: i32, k: v128): v128 {
    return shifted(x, vector, count, k);
  }
  u(y: usize, vector: i32, count: i32, d: v128, a: v128, b: v128): v128 {
    return received(GRADIENT_RELU, loadVector(y, vector, count), d, a, b);
  }
}

/**
 * x − K, and 0 beyond a tail.
 * @inline
 */
function shifted(x: usize, vector: i32, count: i32, k: v128): v128 {
  const d = f32x4.sub(loadVector(x, vector, count), k);
  return count < 4 ? keepUpTo(d, count) : d;
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
  clearTotals(totals + ((<usize>from) << 3), products, to - from);
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
      const p = t + products;
      if (gradient) {
        if (holes) sumMaskedPlane(true, true, t, p, k, dy + o, x + o, m, bytes);
        else sumMaskedPlane(true, false, t, p, k, dy + o, x + o, m, bytes);
      } else if (holes) sumMaskedPlane(false, true, t, p, k, dy + o, x + o, m, bytes);
      else sumMaskedPlane(false, false, t, p, k, dy + o, x + o, m, bytes);
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

/** Terms that a float32 lane of a masked plane adds before its sum is added in float64. */
const MASKED_TERMS = 64;
