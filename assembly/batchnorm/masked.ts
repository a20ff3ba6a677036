/**
 * Batch norm where a mask says which positions count: those of a sequence that are no padding, say. The
 * mask has no channels: [n, s] for planes, [n] for rows (here s = 0). Where it is 0 nothing goes into
 * a sum (batchnorm/masked-sums.ts), and y and dx are 0, whatever x and dy hold there.
 *
 *   y  = (x − K)·a + b
 *   dx = dy·a + (x − K)·p + q
 *
 * What is computed once a channel stands in batchnorm/channels.ts.
 */

import { at, loadUpTo, madd, storeUpTo } from '../lanes';
import { counts, firstOf, isSolid, lastOf } from './masked-sums';

/**
 * y where the mask is not 0, else 0, for samples (rows) [from, to). y may be x.
 */
export function batchNormMaskedForward(
  y: usize, // [n, c, s] f32, or with s = 0 [n, c]
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a
  offset: usize, // [c] f32, b
  x: usize, // as y
  mask: usize, // [n, s] f32, or with s = 0 [n]
  c: i32,
  s: i32,
  from: i32,
  to: i32,
): void {
  if (!s) {
    const row = (<usize>c) << 2;
    for (let i = from; i < to; i++) {
      const o = <usize>i * row;
      if (f32.load(at(mask, i)) == 0) zero(y + o, row);
      else normalizeRun(false, true, y + o, shift, scale, offset, x + o, mask, row);
    }
    return;
  }
  const plane = (<usize>s) << 2;
  for (let i = from; i < to; i++) {
    const m = mask + <usize>i * plane;
    const first = firstOf(m, s);
    const last = lastOf(m, s);
    const before = (<usize>first) << 2;
    const bytes = (<usize>(last - first)) << 2;
    const solid = isSolid(m, first, last);
    let o = <usize>i * <usize>c * plane;
    for (let j = 0; j < c; j++) {
      const k = at(shift, j);
      const a = at(scale, j);
      const b = at(offset, j);
      const u = y + o + before;
      const v = x + o + before;
      zero(y + o, before);
      if (solid) normalizeRun(true, true, u, k, a, b, v, m, bytes);
      else normalizeRun(true, false, u, k, a, b, v, m + before, bytes);
      o += plane;
      zero(u + bytes, y + o - u - bytes);
    }
  }
}

/** Sets `bytes` bytes to 0; most often there are none, or few. */
function zero(p: usize, bytes: usize): void {
  const end = p + bytes;
  const whole = p + (bytes & ~15);
  while (p < whole) {
    v128.store(p, f32x4.splat(0));
    p += 16;
  }
  while (p < end) {
    f32.store(p, 0);
    p += 4;
  }
}

/**
 * `bytes` of a plane of one channel, or a row of all; `solid`: all of it counts.
 * @inline
 */
function normalizeRun(
  plane: bool,
  solid: bool,
  y: usize,
  shift: usize,
  scale: usize,
  offset: usize,
  x: usize,
  mask: usize,
  bytes: usize,
): void {
  const k = v128.load32_splat(shift);
  const a = v128.load32_splat(scale);
  const b = v128.load32_splat(offset);
  const whole = x + (bytes & ~15);
  while (x < whole) {
    const k0 = plane ? k : v128.load(shift);
    const a0 = plane ? a : v128.load(scale);
    const b0 = plane ? b : v128.load(offset);
    const v = madd(f32x4.sub(v128.load(x), k0), a0, b0);
    v128.store(y, solid ? v : v128.and(v, counts(v128.load(mask))));
    x += 16;
    y += 16;
    if (!solid) mask += 16;
    if (!plane) {
      shift += 16;
      scale += 16;
      offset += 16;
    }
  }
  const count = <i32>((bytes & 15) >> 2);
  if (!count) return;
  const k1 = plane ? k : loadUpTo(shift, count);
  const a1 = plane ? a : loadUpTo(scale, count);
  const b1 = plane ? b : loadUpTo(offset, count);
  const v = madd(f32x4.sub(loadUpTo(x, count), k1), a1, b1);
  storeUpTo(y, solid ? v : v128.and(v, counts(loadUpTo(mask, count))), count);
}

/**
 * dx where the mask is not 0, else 0, for samples (rows) [from, to). With frozen statistics there is no
 * p and q, and dx = dy·a. Overwrites; dx may be dy.
 */
export function batchNormMaskedBackward(
  dx: usize, // [n, c, s] f32, or with s = 0 [n, c]
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a
  slope: usize, // [c] f32, p; 0: frozen statistics
  intercept: usize, // [c] f32, q; 0 with slope
  dy: usize, // as dx
  x: usize, // as dx; not read with frozen statistics
  mask: usize, // [n, s] f32, or with s = 0 [n]
  c: i32,
  s: i32,
  from: i32,
  to: i32,
): void {
  if (!s) {
    const row = (<usize>c) << 2;
    for (let i = from; i < to; i++) {
      const o = <usize>i * row;
      const u = dx + o;
      const v = dy + o;
      if (f32.load(at(mask, i)) == 0) zero(u, row);
      else if (!slope) scaleRow(u, scale, v, row);
      else differentiateRun(false, true, u, shift, scale, slope, intercept, v, x + o, mask, row);
    }
    return;
  }
  const plane = (<usize>s) << 2;
  for (let i = from; i < to; i++) {
    const m = mask + <usize>i * plane;
    const first = firstOf(m, s);
    const last = lastOf(m, s);
    const before = (<usize>first) << 2;
    const bytes = (<usize>(last - first)) << 2;
    const solid = isSolid(m, first, last);
    let o = <usize>i * <usize>c * plane;
    for (let j = 0; j < c; j++) {
      const k = at(shift, j);
      const a = at(scale, j);
      const p = at(slope, j);
      const q = at(intercept, j);
      const u = dx + o + before;
      const v = dy + o + before;
      const w = x + o + before;
      zero(dx + o, before);
      if (!slope) scalePlane(u, a, v, m + before, bytes);
      else if (solid) differentiateRun(true, true, u, k, a, p, q, v, w, m, bytes);
      else differentiateRun(true, false, u, k, a, p, q, v, w, m + before, bytes);
      o += plane;
      zero(u + bytes, dx + o - u - bytes);
    }
  }
}

/** dx = dy·a along a row. */
function scaleRow(dx: usize, scale: usize, dy: usize, bytes: usize): void {
  for (let left = <i32>(bytes >> 2); left > 0; left -= 4) {
    storeUpTo(dx, f32x4.mul(loadUpTo(dy, left), loadUpTo(scale, left)), left);
    dx += 16;
    scale += 16;
    dy += 16;
  }
}

/** dx = dy·a along a plane, where the mask is not 0. */
function scalePlane(dx: usize, scale: usize, dy: usize, mask: usize, bytes: usize): void {
  const a = v128.load32_splat(scale);
  for (let left = <i32>(bytes >> 2); left > 0; left -= 4) {
    const v = f32x4.mul(loadUpTo(dy, left), a);
    storeUpTo(dx, v128.and(v, counts(loadUpTo(mask, left))), left);
    dx += 16;
    dy += 16;
    mask += 16;
  }
}

/**
 * `bytes` of a plane of one channel, or a row of all; `solid`: all of it counts.
 * @inline
 */
function differentiateRun(
  plane: bool,
  solid: bool,
  dx: usize,
  shift: usize,
  scale: usize,
  slope: usize,
  intercept: usize,
  dy: usize,
  x: usize,
  mask: usize,
  bytes: usize,
): void {
  const k = v128.load32_splat(shift);
  const a = v128.load32_splat(scale);
  const p = v128.load32_splat(slope);
  const q = v128.load32_splat(intercept);
  const whole = x + (bytes & ~15);
  while (x < whole) {
    const k0 = plane ? k : v128.load(shift);
    const a0 = plane ? a : v128.load(scale);
    const p0 = plane ? p : v128.load(slope);
    const q0 = plane ? q : v128.load(intercept);
    const v = madd(v128.load(dy), a0, madd(f32x4.sub(v128.load(x), k0), p0, q0));
    v128.store(dx, solid ? v : v128.and(v, counts(v128.load(mask))));
    x += 16;
    dx += 16;
    dy += 16;
    if (!solid) mask += 16;
    if (!plane) {
      shift += 16;
      scale += 16;
      slope += 16;
      intercept += 16;
    }
  }
  const count = <i32>((bytes & 15) >> 2);
  if (!count) return;
  const k1 = plane ? k : loadUpTo(shift, count);
  const a1 = plane ? a : loadUpTo(scale, count);
  const p1 = plane ? p : loadUpTo(slope, count);
  const q1 = plane ? q : loadUpTo(intercept, count);
  const d = f32x4.sub(loadUpTo(x, count), k1);
  const v = madd(loadUpTo(dy, count), a1, madd(d, p1, q1));
  storeUpTo(dx, solid ? v : v128.and(v, counts(loadUpTo(mask, count))), count);
}
