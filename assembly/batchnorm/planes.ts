/**
 * Batch norm of planes [n, c, s]: images (NCHW), volumes, sequences. As batchnorm.ts, with the
 * numbers of a channel held in registers along its plane. All passes walk memory in order, over whatever
 * range of channels: finishing a few channels while they are in the cache was tried, and lost to the
 * gaps in that walk by 1.7 to 1.
 *
 *   y  = (x − K)·a + b
 *   dx = dy·a + (x − K)·p + q
 */

import { at, loadUpTo, storeUpTo } from '../lanes';
import {
  clamped,
  GRADIENT,
  GRADIENT_RELU,
  inputGradient,
  normalized,
  padded,
  readsX,
  sumPlane,
} from './equations';

/**
 * y = (x − K)·a + b, or max(that, 0) with `relu`, for channels [from, to). y may be x.
 */
export function batchNormForwardPlanes(
  y: usize, // [n, c, s] f32
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a
  offset: usize, // [c] f32, b
  x: usize, // [n, c, s] f32
  n: i32,
  c: i32,
  s: i32,
  relu: bool,
  from: i32,
  to: i32,
): void {
  const plane = (<usize>s) << 2;
  for (let i = 0; i < n; i++) {
    let o = (<usize>i * <usize>c + <usize>from) * plane;
    for (let j = from; j < to; j++) {
      const plain = f32.load(at(shift, j)) == 0;
      const k = v128.load32_splat(at(shift, j));
      const a = v128.load32_splat(at(scale, j));
      const b = v128.load32_splat(at(offset, j));
      if (relu) normalizeRun(true, false, y + o, k, a, b, x + o, plane);
      else if (plain) normalizeRun(false, true, y + o, k, a, b, x + o, plane);
      else normalizeRun(false, false, y + o, k, a, b, x + o, plane);
      o += plane;
    }
  }
}

/**
 * `bytes` of one plane, sixteen numbers a step.
 * @inline
 */
export function normalizeRun(
  relu: bool,
  plain: bool,
  y: usize,
  k: v128,
  a: v128,
  b: v128,
  x: usize,
  bytes: usize,
): void {
  const whole = x + (bytes & ~63);
  const end = x + bytes;
  const zero = f32x4.splat(0);
  while (x < whole) {
    v128.store(y, clamped(relu, normalized(plain, v128.load(x), k, a, b), zero));
    v128.store(y, clamped(relu, normalized(plain, v128.load(x, 16), k, a, b), zero), 16);
    v128.store(y, clamped(relu, normalized(plain, v128.load(x, 32), k, a, b), zero), 32);
    v128.store(y, clamped(relu, normalized(plain, v128.load(x, 48), k, a, b), zero), 48);
    x += 64;
    y += 64;
  }
  while (x < end) {
    const count = <i32>((end - x) >> 2);
    storeUpTo(y, clamped(relu, normalized(plain, loadUpTo(x, count), k, a, b), zero), count);
    x += 16;
    y += 16;
  }
}

/**
 * totals[0, j] = Σ dy and totals[1, j] = Σ dy·(x − K) for channels [from, to). With `relu`, dy counts
 * where the forward pass let it through: where y is not ≤ 0.
 */
export function batchNormBackwardSumsPlanes(
  totals: usize, // [2, C] f64, C = c rounded up to 16
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a; read with relu only
  offset: usize, // [c] f32, b; read with relu only
  dy: usize, // [n, c, s] f32
  x: usize, // [n, c, s] f32
  n: i32,
  c: i32,
  s: i32,
  relu: bool,
  from: i32,
  to: i32,
): void {
  const plane = (<usize>s) << 2;
  const products = (<usize>padded(c)) << 3;
  const total = totals + ((<usize>from) << 3);
  memory.fill(total, 0, (<usize>(to - from)) << 3);
  memory.fill(total + products, 0, (<usize>(to - from)) << 3);
  for (let i = 0; i < n; i++) {
    let p = (<usize>i * <usize>c + <usize>from) * plane;
    for (let j = from; j < to; j++) {
      const t = totals + ((<usize>j) << 3);
      const k = v128.load32_splat(at(shift, j));
      if (relu) {
        const a = v128.load32_splat(at(scale, j));
        const b = v128.load32_splat(at(offset, j));
        sumPlane(GRADIENT_RELU, false, t, t + products, x + p, dy + p, k, a, b, s);
      } else {
        sumPlane(GRADIENT, false, t, t + products, x + p, dy + p, k, k, k, s);
      }
      p += plane;
    }
  }
}

/**
 * dx = dy·a + (x − K)·p + q for channels [from, to), of the dy that the ReLU let through. With frozen
 * statistics there is no p and q, and dx = dy·a. Overwrites; dx may be dy.
 */
export function batchNormBackwardPlanes(
  dx: usize, // [n, c, s] f32
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a
  offset: usize, // [c] f32, b; read with relu only
  slope: usize, // [c] f32, p; 0: frozen statistics
  intercept: usize, // [c] f32, q; 0 with slope
  dy: usize, // [n, c, s] f32
  x: usize, // [n, c, s] f32; not read with frozen statistics and no relu
  n: i32,
  c: i32,
  s: i32,
  relu: bool,
  from: i32,
  to: i32,
): void {
  const plane = (<usize>s) << 2;
  for (let i = 0; i < n; i++) {
    let o = (<usize>i * <usize>c + <usize>from) * plane;
    for (let j = from; j < to; j++) {
      const a = v128.load32_splat(at(scale, j));
      const k = slope || relu ? v128.load32_splat(at(shift, j)) : a;
      const b = relu ? v128.load32_splat(at(offset, j)) : a;
      const p = slope ? v128.load32_splat(at(slope, j)) : a;
      const q = slope ? v128.load32_splat(at(intercept, j)) : a;
      const u = dx + o;
      const v = dy + o;
      const w = x + o;
      if (!slope) {
        if (relu) differentiateRun(GRADIENT_RELU, false, false, u, k, a, b, p, q, v, w, plane);
        else differentiateRun(GRADIENT, false, true, u, k, a, b, p, q, v, w, plane);
      } else if (relu) {
        differentiateRun(GRADIENT_RELU, true, false, u, k, a, b, p, q, v, w, plane);
      } else {
        differentiateRun(GRADIENT, true, false, u, k, a, b, p, q, v, w, plane);
      }
      o += plane;
    }
  }
}

/**
 * `bytes` of one plane, eight numbers a step.
 * @inline
 */
function differentiateRun(
  kind: i32,
  training: bool,
  plain: bool,
  dx: usize,
  k: v128,
  a: v128,
  b: v128,
  p: v128,
  q: v128,
  dy: usize,
  x: usize,
  bytes: usize,
): void {
  const whole = dx + (bytes & ~31);
  const end = dx + bytes;
  while (dx < whole) {
    const x0 = readsX(kind, training) ? v128.load(x) : a;
    const x1 = readsX(kind, training) ? v128.load(x, 16) : a;
    const dx0 = inputGradient(kind, training, plain, v128.load(dy), x0, k, a, b, p, q);
    const dx1 = inputGradient(kind, training, plain, v128.load(dy, 16), x1, k, a, b, p, q);
    v128.store(dx, dx0);
    v128.store(dx, dx1, 16);
    x += 32;
    dy += 32;
    dx += 32;
  }
  while (dx < end) {
    const count = <i32>((end - dx) >> 2);
    const x0 = readsX(kind, training) ? loadUpTo(x, count) : a;
    const v = inputGradient(kind, training, plain, loadUpTo(dy, count), x0, k, a, b, p, q);
    storeUpTo(dx, v, count);
    x += 16;
    dy += 16;
    dx += 16;
  }
}
