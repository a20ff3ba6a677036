/**
 * Batch norm of planes [n, c, s]: images (NCHW), volumes, sequences. A channel's coefficients stay in
 * registers along its plane. All passes go through memory in order. Finishing a few channels of all samples
 * while they are in the cache took 1.7 times as long, because it skips through memory.
 *
 * With a mask [n, s] the same loops run from the first position of a sample that counts to the last. They
 * look at the mask only where there are holes in between (`holes`).
 */

import { at, loadUpTo, storeUpTo } from '../lanes';
import { clamped, GRADIENT, GRADIENT_RELU, normalized, whereCounted } from './equations';
import { planeGradient } from './gradient-run';
import { firstOf, hasHoles, lastOf, setZero } from './mask';
import { BatchNormShape, Coefficients, INTERCEPT, OFFSET, rowOf, SCALE, SLOPE } from './shape';

/**
 * y = (x − K)·a + b, or max(that, 0) with `relu`, for samples [from, to); with a mask, y is 0 where the
 * mask is 0.
 * @inline
 */
export function forwardPlanes(
  masked: bool,
  y: usize,
  coefficients: Coefficients,
  x: usize,
  mask: usize,
  shape: BatchNormShape,
  relu: bool,
  from: i32,
  to: i32,
): void {
  const c = shape.c;
  const s = shape.s;
  const plane = (<usize>s) << 2;
  const scale = rowOf(coefficients, c, SCALE);
  const offset = rowOf(coefficients, c, OFFSET);
  let before: usize = 0;
  let bytes = plane;
  let holes: bool = false;
  for (let i = from; i < to; i++) {
    const sample = mask + <usize>i * plane;
    if (masked) {
      const first = firstOf(sample, s);
      const last = lastOf(sample, s);
      holes = hasHoles(sample, first, last);
      before = (<usize>first) << 2;
      bytes = (<usize>(last - first)) << 2;
    }
    const m = sample + before;
    let o = <usize>i * <usize>c * plane;
    for (let j = 0; j < c; j++) {
      const unshifted = f32.load(at(coefficients, j)) == 0;
      const k = v128.load32_splat(at(coefficients, j));
      const a = v128.load32_splat(at(scale, j));
      const b = v128.load32_splat(at(offset, j));
      const u = y + o + before;
      const v = x + o + before;
      if (masked) setZero(y + o, before);
      if (masked && holes) normalizeRun(false, false, u, k, a, b, v, bytes, true, m);
      else if (relu) normalizeRun(true, false, u, k, a, b, v, bytes);
      else if (!masked && unshifted) normalizeRun(false, true, u, k, a, b, v, bytes);
      else normalizeRun(false, false, u, k, a, b, v, bytes);
      if (masked) setZero(u + bytes, plane - before - bytes);
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
  unshifted: bool,
  y: usize,
  k: v128,
  a: v128,
  b: v128,
  x: usize,
  bytes: usize,
  masked: bool = false,
  mask: usize = 0, // read with `masked` only; y is 0 where it is 0
): void {
  const whole = x + (bytes & ~63);
  const end = x + bytes;
  const floor = f32x4.splat(0);
  while (x < whole) {
    let y0 = clamped(relu, normalized(unshifted, v128.load(x), k, a, b), floor);
    let y1 = clamped(relu, normalized(unshifted, v128.load(x, 16), k, a, b), floor);
    let y2 = clamped(relu, normalized(unshifted, v128.load(x, 32), k, a, b), floor);
    let y3 = clamped(relu, normalized(unshifted, v128.load(x, 48), k, a, b), floor);
    if (masked) {
      y0 = whereCounted(y0, v128.load(mask));
      y1 = whereCounted(y1, v128.load(mask, 16));
      y2 = whereCounted(y2, v128.load(mask, 32));
      y3 = whereCounted(y3, v128.load(mask, 48));
      mask += 64;
    }
    v128.store(y, y0);
    v128.store(y, y1, 16);
    v128.store(y, y2, 32);
    v128.store(y, y3, 48);
    x += 64;
    y += 64;
  }
  while (x < end) {
    const count = <i32>((end - x) >> 2);
    let v = clamped(relu, normalized(unshifted, loadUpTo(x, count), k, a, b), floor);
    if (masked) {
      v = whereCounted(v, loadUpTo(mask, count));
      mask += 16;
    }
    storeUpTo(y, v, count);
    x += 16;
    y += 16;
  }
}

/**
 * dx = dy·a + (x − K)·p + q, or with `frozen` statistics dy·a, for samples [from, to), of the dy that the
 * ReLU passes; with a mask, dx is 0 where the mask is 0. @inline
 */
export function backwardPlanes(
  frozen: bool,
  masked: bool,
  dx: usize,
  coefficients: Coefficients,
  dy: usize,
  x: usize,
  mask: usize,
  shape: BatchNormShape,
  relu: bool,
  from: i32,
  to: i32,
): void {
  const c = shape.c;
  const s = shape.s;
  const plane = (<usize>s) << 2;
  const scale = rowOf(coefficients, c, SCALE);
  const offset = rowOf(coefficients, c, OFFSET);
  const slope = rowOf(coefficients, c, SLOPE);
  const intercept = rowOf(coefficients, c, INTERCEPT);
  let before: usize = 0;
  let bytes = plane;
  let holes: bool = false;
  for (let i = from; i < to; i++) {
    const sample = mask + <usize>i * plane;
    if (masked) {
      const first = firstOf(sample, s);
      const last = lastOf(sample, s);
      // dx = dy·a is so little work that looking for holes first costs more than it saves
      holes = frozen || hasHoles(sample, first, last);
      before = (<usize>first) << 2;
      bytes = (<usize>(last - first)) << 2;
    }
    const m = sample + before;
    let o = <usize>i * <usize>c * plane;
    for (let j = 0; j < c; j++) {
      const k = v128.load32_splat(at(coefficients, j));
      const a = v128.load32_splat(at(scale, j));
      const p = frozen ? a : v128.load32_splat(at(slope, j));
      const q = frozen ? a : v128.load32_splat(at(intercept, j));
      const u = dx + o + before;
      const v = dy + o + before;
      const w = x + o + before;
      if (masked) setZero(dx + o, before);
      if (masked && holes) planeGradient(GRADIENT, frozen, true, u, k, a, a, p, q, v, w, m, bytes);
      else if (relu) {
        // loaded here: if two calls differ only in constants, the optimizer merges them and branches in the
        // loop
        const b = v128.load32_splat(at(offset, j));
        planeGradient(GRADIENT_RELU, frozen, false, u, k, a, b, p, q, v, w, 0, bytes);
      } else planeGradient(GRADIENT, frozen, false, u, k, a, a, p, q, v, w, 0, bytes);
      if (masked) setZero(u + bytes, plane - before - bytes);
      o += plane;
    }
  }
}
