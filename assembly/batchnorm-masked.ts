/**
 * Batch norm where a mask says which positions count: those of a sequence that are no padding, say. The
 * mask has no channels: [n, s] for planes, [n] for rows (here s = 0). Where it is 0 nothing goes into
 * a sum (batchnorm-masked-sums.ts), and y and dx are 0, whatever x and dy hold there.
 *
 *   y  = (x − K)·a + b
 *   dx = dy·a + (x − K)·p + q
 *
 * What is computed once a channel stands in batchnorm-channels.ts.
 */
import { counts } from './batchnorm-masked-sums';
import { at, loadUpTo, madd, storeUpTo } from './lanes';

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
  const width = s || c;
  const bytes = (<usize>width) << 2;
  const channels = s ? c : 1;
  for (let i = from; i < to; i++) {
    const m = at(mask, i * (s || 1));
    let o = <usize>i * <usize>channels * bytes;
    for (let j = 0; j < channels; j++) {
      const k = at(shift, j);
      const a = at(scale, j);
      const b = at(offset, j);
      if (s) normalizeRun(true, y + o, k, a, b, x + o, m, width);
      else if (f32.load(m) == 0) memory.fill(y + o, 0, bytes);
      else normalizeRun(false, y + o, k, a, b, x + o, m, width);
      o += bytes;
    }
  }
}

/**
 * A plane of one channel, or a row of all.
 * @inline
 */
function normalizeRun(
  plane: bool,
  y: usize,
  shift: usize,
  scale: usize,
  offset: usize,
  x: usize,
  mask: usize,
  width: i32,
): void {
  const k = v128.load32_splat(shift);
  const a = v128.load32_splat(scale);
  const b = v128.load32_splat(offset);
  for (let t = 0; t < width; t += 4) {
    const count = width - t;
    const d = f32x4.sub(loadUpTo(at(x, t), count), plane ? k : loadUpTo(at(shift, t), count));
    const a0 = plane ? a : loadUpTo(at(scale, t), count);
    const b0 = plane ? b : loadUpTo(at(offset, t), count);
    const v = madd(d, a0, b0);
    storeUpTo(at(y, t), plane ? v128.and(v, counts(loadUpTo(at(mask, t), count))) : v, count);
  }
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
  const width = s || c;
  const bytes = (<usize>width) << 2;
  const channels = s ? c : 1;
  for (let i = from; i < to; i++) {
    const m = at(mask, i * (s || 1));
    let o = <usize>i * <usize>channels * bytes;
    for (let j = 0; j < channels; j++) {
      const k = at(shift, j);
      const a = at(scale, j);
      const p = at(slope, j);
      const q = at(intercept, j);
      const u = dx + o;
      const v = dy + o;
      const w = x + o;
      if (s) {
        if (slope) differentiateRun(true, true, u, k, a, p, q, v, w, m, width);
        else differentiateRun(true, false, u, a, a, a, a, v, w, m, width);
      } else if (f32.load(m) == 0) {
        memory.fill(u, 0, bytes);
      } else if (slope) {
        differentiateRun(false, true, u, k, a, p, q, v, w, m, width);
      } else {
        differentiateRun(false, false, u, a, a, a, a, v, w, m, width);
      }
      o += bytes;
    }
  }
}

/**
 * A plane of one channel, or a row of all.
 * @inline
 */
function differentiateRun(
  plane: bool,
  training: bool,
  dx: usize,
  shift: usize,
  scale: usize,
  slope: usize,
  intercept: usize,
  dy: usize,
  x: usize,
  mask: usize,
  width: i32,
): void {
  const k = v128.load32_splat(shift);
  const a = v128.load32_splat(scale);
  const p = v128.load32_splat(slope);
  const q = v128.load32_splat(intercept);
  for (let t = 0; t < width; t += 4) {
    const count = width - t;
    const a0 = plane ? a : loadUpTo(at(scale, t), count);
    let v = f32x4.mul(loadUpTo(at(dy, t), count), a0);
    if (training) {
      const d = f32x4.sub(loadUpTo(at(x, t), count), plane ? k : loadUpTo(at(shift, t), count));
      const p0 = plane ? p : loadUpTo(at(slope, t), count);
      const q0 = plane ? q : loadUpTo(at(intercept, t), count);
      v = f32x4.add(v, madd(d, p0, q0));
    }
    if (plane) v = v128.and(v, counts(loadUpTo(at(mask, t), count)));
    storeUpTo(at(dx, t), v, count);
  }
}
