/**
 * Batch norm of rows [n, c]: features, or images with channels last. Here are the passes over the
 * elements; batchnorm/statistics.ts and batchnorm/channels.ts make the numbers they take per channel.
 *
 *   y  = (x − K)·a + b
 *   dx = dy·a + (x − K)·p + q
 *
 * Rows are folded into long ones (batchnorm/row-tiling.ts), and walked one by one in the order of memory.
 */

import { at, loadUpTo, storeUpTo } from '../lanes';
import { clamped, GRADIENT, GRADIENT_RELU, inputGradient, normalized, readsX } from './equations';
import { sumRows } from './row-sums';
import {
  allZero,
  foldAlone,
  foldBeside,
  INTERCEPT,
  loadLanes,
  loadNumbers,
  OFFSET,
  PERIOD,
  repeat,
  SCALE,
  SHIFT,
  SLOPE,
  SPAN,
} from './row-tiling';

/** Bytes of x up to which rows are walked side by side, whatever their length; in place thrice that. */
const NEAR: usize = 8 << 20;

/**
 * y = (x − K)·a + b, or max(that, 0) with `relu`, for rows [from, to). y may be x.
 */
export function batchNormForward(
  y: usize, // [n, c] f32
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a
  offset: usize, // [c] f32, b
  x: usize, // [n, c] f32
  c: i32,
  relu: bool,
  from: i32,
  to: i32,
  lanes: usize, // [5, SPAN], scratch
): void {
  const plain = allZero(shift, c);
  const fold = foldBeside(to - from, c, 16);
  if (fold > 1) {
    repeat(lanes, shift, c, c, fold);
    repeat(lanes + SPAN, scale, c, c, fold);
    repeat(lanes + 2 * SPAN, offset, c, c, fold);
    shift = lanes;
    scale = lanes + SPAN;
    offset = lanes + 2 * SPAN;
  }
  const row = (<usize>c) << 2;
  const stride = row * <usize>fold;
  let p = x + <usize>from * row;
  const end = x + <usize>to * row;
  const long = p + <usize>((to - from) / fold) * stride;
  const tall = stride * rowsBeside(stride, end - p, y == x);
  const apart = y - x;
  while (p < end) {
    // the rows left over are the beginning of a long row
    const bytes = p < long ? min(tall, long - p) : end - p;
    const width = min(stride, bytes);
    const q = p + apart;
    if (!plain) normalizeShifted(relu, q, shift, scale, offset, p, width, stride, bytes);
    else if (relu) normalizePlainRelu(q, scale, offset, p, width, stride, bytes);
    else normalizePlain(q, scale, offset, p, width, stride, bytes);
    p += bytes;
  }
}

/**
 * Rows to walk side by side. In place four to sixteen, as many as the first-level cache holds; out of place
 * four, as each is a stream of stores, too. Beyond the last-level cache as many as 512 bytes hold: there
 * the prefetcher must be able to follow.
 */
function rowsBeside(row: usize, size: usize, inPlace: bool): usize {
  if (size > (inPlace ? 3 * NEAR : NEAR)) return max(<usize>512 / row, 1);
  return max(inPlace ? min(<usize>32768 / row, 16) : <usize>1024 / row, 4);
}

/*
 * A function each: the optimizer would take two such loops for one, and ask in the innermost which it is.
 */

/** K = 0. */
function normalizePlain(
  y: usize,
  scale: usize,
  offset: usize,
  x: usize,
  width: usize,
  stride: usize,
  bytes: usize,
): void {
  normalizeRows(false, true, y, 0, scale, offset, x, f32x4.splat(0), width, stride, bytes);
}

/** K = 0, with a ReLU. */
function normalizePlainRelu(
  y: usize,
  scale: usize,
  offset: usize,
  x: usize,
  width: usize,
  stride: usize,
  bytes: usize,
): void {
  normalizeRows(true, true, y, 0, scale, offset, x, f32x4.splat(0), width, stride, bytes);
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
 * `bytes` of rows of `width` bytes, in columns of sixteen lanes: what belongs to their channels stays in
 * registers on the way down. @inline
 */
function normalizeRows(
  relu: bool,
  plain: bool,
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
  const apart = y - x;
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
    const k0 = plain ? a0 : v128.load(shift);
    const k1 = plain ? a1 : v128.load(shift, 16);
    const k2 = plain ? a2 : v128.load(shift, 32);
    const k3 = plain ? a3 : v128.load(shift, 48);
    let p = x;
    const end = x + bytes;
    while (p < end) {
      const q = p + apart;
      v128.store(q, clamped(relu, normalized(plain, v128.load(p), k0, a0, b0), floor));
      v128.store(q, clamped(relu, normalized(plain, v128.load(p, 16), k1, a1, b1), floor), 16);
      v128.store(q, clamped(relu, normalized(plain, v128.load(p, 32), k2, a2, b2), floor), 32);
      v128.store(q, clamped(relu, normalized(plain, v128.load(p, 48), k3, a3, b3), floor), 48);
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
    const k = plain ? a : loadUpTo(shift, count);
    let p = x;
    const end = x + bytes;
    while (p < end) {
      storeUpTo(
        p + apart,
        clamped(relu, normalized(plain, loadUpTo(p, count), k, a, b), floor),
        count,
      );
      p += stride;
    }
    x += 16;
    shift += 16;
    scale += 16;
    offset += 16;
  }
}

/**
 * totals[0, j] = Σ dy and totals[1, j] = Σ dy·(x − K) for channels [from, to). With `relu`, dy counts
 * where the forward pass let it through: where y is not ≤ 0.
 */
export function batchNormBackwardSums(
  totals: usize, // [2, C] f64, C = c rounded up to 16
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a; read with relu only
  offset: usize, // [c] f32, b; read with relu only
  dy: usize, // [n, c] f32
  x: usize, // [n, c] f32
  n: i32,
  c: i32,
  relu: bool,
  from: i32,
  to: i32,
  lanes: usize, // [5, SPAN], scratch
): void {
  for (let j = from; j < to; j += PERIOD) {
    const end = min(j + PERIOD, to);
    if (relu) {
      sumRows(GRADIENT_RELU, totals, x, dy, shift, scale, offset, n, c, j, end, lanes);
    } else {
      sumRows(GRADIENT, totals, x, dy, shift, scale, offset, n, c, j, end, lanes);
    }
  }
}

/**
 * dx = dy·a + (x − K)·p + q for rows [from, to), of the dy that the ReLU let through. With frozen
 * statistics there is no p and q, and dx = dy·a. Overwrites; dx may be dy.
 */
export function batchNormBackward(
  dx: usize, // [n, c] f32
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a
  offset: usize, // [c] f32, b; read with relu only
  slope: usize, // [c] f32, p; 0: frozen statistics
  intercept: usize, // [c] f32, q; 0 with slope
  dy: usize, // [n, c] f32
  x: usize, // [n, c] f32; not read with frozen statistics and no relu
  c: i32,
  relu: bool,
  from: i32,
  to: i32,
  lanes: usize, // [5, SPAN], scratch
): void {
  const row = (<usize>c) << 2;
  const fold = foldAlone(to - from, c);
  const stride = row * <usize>fold;
  for (let block = 0; block < c; block += PERIOD) {
    const width = min(PERIOD, c - block);
    const long = (<usize>(width * fold)) << 2;
    const plain = allZero(at(shift, block), width);
    repeat(lanes, at(shift, block), width, c, fold);
    repeat(lanes + SPAN, at(scale, block), width, c, fold);
    if (relu) repeat(lanes + 2 * SPAN, at(offset, block), width, c, fold);
    if (slope) {
      repeat(lanes + 3 * SPAN, at(slope, block), width, c, fold);
      repeat(lanes + 4 * SPAN, at(intercept, block), width, c, fold);
    }
    const end = dx + <usize>to * row;
    const toDy = dy - dx;
    const toX = x - dx;
    let p = at(dx, block) + <usize>from * row;
    while (p < end) {
      const bytes = min(long, end - p);
      if (!slope) {
        if (relu) differentiateRun(GRADIENT_RELU, false, false, p, lanes, p + toDy, p + toX, bytes);
        else differentiateRun(GRADIENT, false, true, p, lanes, p + toDy, p + toX, bytes);
      } else if (relu) {
        differentiateRun(GRADIENT_RELU, true, false, p, lanes, p + toDy, p + toX, bytes);
      } else if (plain) {
        differentiateRun(GRADIENT, true, true, p, lanes, p + toDy, p + toX, bytes);
      } else {
        differentiateRun(GRADIENT, true, false, p, lanes, p + toDy, p + toX, bytes);
      }
      p += stride;
    }
  }
}

/**
 * `bytes` of a long row, eight lanes a step.
 * @inline
 */
function differentiateRun(
  kind: i32,
  training: bool,
  plain: bool,
  dx: usize,
  lanes: usize, // K, a, b, p, q
  dy: usize,
  x: usize,
  bytes: usize,
): void {
  const whole = dx + (bytes & ~31);
  const end = dx + bytes;
  while (dx < whole) {
    const dx0 = differentiateLanes(kind, training, plain, lanes, dy, x, 4, false);
    const dx1 = differentiateLanes(kind, training, plain, lanes, dy, x, 4, true);
    v128.store(dx, dx0);
    v128.store(dx, dx1, 16);
    dx += 32;
    dy += 32;
    x += 32;
    lanes += 32;
  }
  while (dx < end) {
    const count = <i32>((end - dx) >> 2);
    storeUpTo(dx, differentiateLanes(kind, training, plain, lanes, dy, x, count, false), count);
    dx += 16;
    dy += 16;
    x += 16;
    lanes += 16;
  }
}

/** @inline */
function differentiateLanes(
  kind: i32,
  training: bool,
  plain: bool,
  lanes: usize,
  dy: usize,
  x: usize,
  count: i32,
  next: bool,
): v128 {
  const a = loadLanes(lanes, SCALE, next);
  const k = plain ? a : loadLanes(lanes, SHIFT, next);
  const b = kind == GRADIENT_RELU ? loadLanes(lanes, OFFSET, next) : a;
  const p = training ? loadLanes(lanes, SLOPE, next) : a;
  const q = training ? loadLanes(lanes, INTERCEPT, next) : a;
  const dy0 = loadNumbers(dy, count, next);
  const x0 = readsX(kind, training) ? loadNumbers(x, count, next) : a;
  return inputGradient(kind, training, plain, dy0, x0, k, a, b, p, q);
}
