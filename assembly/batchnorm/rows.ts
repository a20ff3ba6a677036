/**
 * Batch norm of rows [n, c]: features, or images with channels last. This file has the passes over the
 * elements. The sums are in row-sums.ts; row-tiling.ts defines a long row.
 *
 * y is computed in columns of 16 lanes, a few long rows at a time, with K, a and b in registers. dx needs
 * five coefficients. It is computed one long row after the other, and the coefficients are loaded along the
 * way.
 *
 * With a mask [n] any row may be missing, so rows cannot be joined into long ones.
 */

import { at, loadUpTo, storeUpTo } from '../lanes';
import { clamped, GRADIENT, GRADIENT_RELU, loadNumbers, normalized } from './equations';
import { rowGradient } from './gradient-run';
import { setZero } from './mask';
import { allZero, repeat, rowsInColumns, rowsInPeriod } from './row-tiling';
import {
  BatchNormShape,
  Coefficients,
  INTERCEPT,
  OFFSET,
  PERIOD,
  rowOf,
  SCALE,
  SLOPE,
  SPAN,
} from './shape';

/** Bytes of x that stay in the last-level cache if y is written there too, and in place. */
const CACHED: usize = 4 << 20;
const CACHED_IN_PLACE: usize = 14 << 20;

/** y = (x − K)·a + b, or max(that, 0) with `relu`, for rows [from, to). */
export function forwardRows(
  y: usize,
  coefficients: Coefficients,
  x: usize,
  shape: BatchNormShape,
  relu: bool,
  from: i32,
  to: i32,
  repeated: usize, // [5, SPAN], scratch
): void {
  const c = shape.c;
  let shift = coefficients;
  let scale = rowOf(coefficients, c, SCALE);
  let offset = rowOf(coefficients, c, OFFSET);
  const unshifted = allZero(shift, c);
  const joined = rowsInColumns(to - from, c, 16);
  if (joined > 1) {
    repeat(repeated, shift, c, c, joined);
    repeat(repeated + SPAN, scale, c, c, joined);
    repeat(repeated + 2 * SPAN, offset, c, c, joined);
    shift = repeated;
    scale = repeated + SPAN;
    offset = repeated + 2 * SPAN;
  }
  const row = (<usize>c) << 2;
  const stride = row * <usize>joined;
  let p = x + <usize>from * row;
  const end = x + <usize>to * row;
  const long = p + <usize>((to - from) / joined) * stride;
  const tall = stride * rowsBeside(stride, end - p, y == x);
  const toY = y - x;
  while (p < end) {
    // the remaining rows are the beginning of a long row
    const bytes = p < long ? min(tall, long - p) : end - p;
    const width = min(stride, bytes);
    const q = p + toY;
    const span = max(bytes, stride);
    if (!unshifted) normalizeShifted(relu, q, shift, scale, offset, p, width, stride, span);
    else if (relu) normalizeRelu(q, scale, offset, p, width, stride, span);
    else normalizeUnshifted(q, scale, offset, p, width, stride, span);
    p += bytes;
  }
}

/**
 * y = (x − K)·a + b where the mask is not 0, else 0, for rows [from, to). This loop goes row after row:
 * with a mask, columns four rows high took 1.5 times as long for tensors larger than the last-level cache.
 */
export function forwardMaskedRows(
  y: usize,
  coefficients: Coefficients,
  x: usize,
  mask: usize,
  shape: BatchNormShape,
  from: i32,
  to: i32,
): void {
  const c = shape.c;
  const row = (<usize>c) << 2;
  const toScale = rowOf(0, c, SCALE);
  const toOffset = rowOf(0, c, OFFSET);
  for (let i = from; i < to; i++) {
    let p = x + <usize>i * row;
    let q = y + <usize>i * row;
    if (f32.load(at(mask, i)) == 0) {
      setZero(q, row);
      continue;
    }
    let k = coefficients;
    const end = p + row;
    const whole = p + (row & ~31);
    while (p < whole) {
      const a = k + toScale;
      const b = k + toOffset;
      const y0 = normalized(false, v128.load(p), v128.load(k), v128.load(a), v128.load(b));
      const x1 = v128.load(p, 16);
      const y1 = normalized(false, x1, v128.load(k, 16), v128.load(a, 16), v128.load(b, 16));
      v128.store(q, y0);
      v128.store(q, y1, 16);
      p += 32;
      q += 32;
      k += 32;
    }
    while (p < end) {
      const count = <i32>((end - p) >> 2);
      const a = loadNumbers(k + toScale, count, false);
      const b = loadNumbers(k + toOffset, count, false);
      const k0 = loadNumbers(k, count, false);
      storeUpTo(q, normalized(false, loadNumbers(p, count, false), k0, a, b), count);
      p += 16;
      q += 16;
      k += 16;
    }
  }
}

/**
 * Rows to process at once. In place four to sixteen, as many as the first-level cache holds; out of place
 * four, because each row is also a stream of stores. For tensors larger than the last-level cache, as many
 * as fit in 512 bytes: the prefetcher loses streams that are further from each other, which takes up to
 * twice the time.
 */
function rowsBeside(row: usize, size: usize, inPlace: bool): usize {
  if (size > (inPlace ? CACHED_IN_PLACE : CACHED)) return max(<usize>512 / row, 1);
  return max(inPlace ? min(<usize>32768 / row, 16) : <usize>1024 / row, 4);
}

/*
 * One function each: the optimizer would merge two loops that differ only in a flag, and test the flag in
 * the innermost loop.
 */

/** K = 0. */
function normalizeUnshifted(
  y: usize,
  scale: usize,
  offset: usize,
  x: usize,
  width: usize,
  stride: usize,
  bytes: usize,
): void {
  const none = f32x4.splat(0);
  normalizeRows(false, true, y, 0, scale, offset, x, none, width, stride, bytes);
}

/** K = 0, with a ReLU. */
function normalizeRelu(
  y: usize,
  scale: usize,
  offset: usize,
  x: usize,
  width: usize,
  stride: usize,
  bytes: usize,
): void {
  const floor = f32x4.splat(0);
  normalizeRows(true, true, y, 0, scale, offset, x, floor, width, stride, bytes);
}

/** With a ReLU or without. */
function normalizeShifted(
  relu: bool,
  y: usize,
  shift: usize,
  scale: usize,
  offset: usize,
  x: usize,
  width: usize,
  stride: usize,
  bytes: usize,
): void {
  const floor = f32x4.splat(relu ? 0 : -Infinity);
  normalizeRows(true, false, y, shift, scale, offset, x, floor, width, stride, bytes);
}

/**
 * Rows of `width` bytes, `stride` bytes from one to the next and `bytes` in all, in columns of sixteen lanes whose coefficients stay in registers from
 * the first row to the last. @inline
 */
function normalizeRows(
  relu: bool,
  unshifted: bool,
  y: usize,
  shift: usize,
  scale: usize,
  offset: usize,
  x: usize,
  floor: v128,
  width: usize,
  stride: usize,
  bytes: usize,
): void {
  const toY = y - x;
  const edge = x + width;
  while (x + 64 <= edge) {
    const a0 = v128.load(scale);
    const a1 = v128.load(scale, 16);
    const a2 = v128.load(scale, 32);
    const a3 = v128.load(scale, 48);
    const b0 = v128.load(offset);
    const b1 = v128.load(offset, 16);
    const b2 = v128.load(offset, 32);
    const b3 = v128.load(offset, 48);
    const k0 = unshifted ? a0 : v128.load(shift);
    const k1 = unshifted ? a1 : v128.load(shift, 16);
    const k2 = unshifted ? a2 : v128.load(shift, 32);
    const k3 = unshifted ? a3 : v128.load(shift, 48);
    let p = x;
    const end = x + bytes;
    while (p != end) {
      const q = p + toY;
      v128.store(q, clamped(relu, normalized(unshifted, v128.load(p), k0, a0, b0), floor));
      v128.store(q, clamped(relu, normalized(unshifted, v128.load(p, 16), k1, a1, b1), floor), 16);
      v128.store(q, clamped(relu, normalized(unshifted, v128.load(p, 32), k2, a2, b2), floor), 32);
      v128.store(q, clamped(relu, normalized(unshifted, v128.load(p, 48), k3, a3, b3), floor), 48);
      p += stride;
    }
    x += 64;
    shift += 64;
    scale += 64;
    offset += 64;
  }
  while (x < edge) {
    const count = <i32>((edge - x) >> 2);
    const a = loadUpTo(scale, count);
    const b = loadUpTo(offset, count);
    const k = unshifted ? a : loadUpTo(shift, count);
    let p = x;
    const end = x + bytes;
    while (p != end) {
      const v = clamped(relu, normalized(unshifted, loadUpTo(p, count), k, a, b), floor);
      storeUpTo(p + toY, v, count);
      p += stride;
    }
    x += 16;
    shift += 16;
    scale += 16;
    offset += 16;
  }
}

/**
 * dx = dy·a + (x − K)·p + q, or with `frozen` statistics dy·a, for rows [from, to), of the dy that the ReLU
 * passes; with a mask, dx is 0 where the mask is 0. @inline
 */
export function backwardRows(
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
  repeated: usize, // [5, SPAN], scratch
): void {
  const c = shape.c;
  const row = (<usize>c) << 2;
  const joined = masked ? 1 : rowsInPeriod(to - from, c);
  const stride = row * <usize>joined;
  for (let block = 0; block < c; block += PERIOD) {
    const width = min(PERIOD, c - block);
    const long = (<usize>(width * joined)) << 2;
    const own = at(coefficients, block);
    const unshifted = frozen || (!masked && allZero(own, width));
    repeat(repeated, own, width, c, joined);
    repeat(repeated + SPAN, rowOf(own, c, SCALE), width, c, joined);
    if (relu) repeat(repeated + 2 * SPAN, rowOf(own, c, OFFSET), width, c, joined);
    if (!frozen) {
      repeat(repeated + 3 * SPAN, rowOf(own, c, SLOPE), width, c, joined);
      repeat(repeated + 4 * SPAN, rowOf(own, c, INTERCEPT), width, c, joined);
    }
    const end = dx + <usize>to * row;
    const toDy = dy - dx;
    const toX = x - dx;
    let p = at(dx, block) + <usize>from * row;
    let m = at(mask, from);
    for (let i = from; i < to; i += joined) {
      const bytes = min(long, end - p);
      const u = p + toDy;
      const v = p + toX;
      if (masked && f32.load(m) == 0) setZero(p, bytes);
      else if (relu) rowGradient(GRADIENT_RELU, frozen, false, p, repeated, u, v, bytes);
      else if (unshifted) rowGradient(GRADIENT, frozen, true, p, repeated, u, v, bytes);
      else rowGradient(GRADIENT, frozen, false, p, repeated, u, v, bytes);
      p += stride;
      if (masked) m += 4;
    }
  }
}
