/**
 * Batch norm of rows [n, c]: features, or images with channels last. Here are the passes over the
 * elements; batchnorm-statistics.ts and batchnorm-channels.ts make the numbers they take per channel.
 *
 *   y  = (x − K)·a + b
 *   dx = dy·a + (x − K)·p + q
 *
 * Rows are folded into long ones (batchnorm-fold.ts), and walked one by one in the order of memory.
 */
import {
  allZero,
  foldOf,
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
} from './batchnorm-fold';
import {
  GRADIENT,
  GRADIENT_RELU,
  inputGradient,
  normalized,
  readsX,
  sumRows,
} from './batchnorm-sums';
import { at, loadUpTo, storeUpTo } from './lanes';

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
  const row = (<usize>c) << 2;
  const fold = foldOf(to - from, c);
  const stride = row * <usize>fold;
  const end = x + <usize>to * row;
  for (let block = 0; block < c; block += PERIOD) {
    const width = min(PERIOD, c - block);
    const long = (<usize>(width * fold)) << 2;
    const plain = allZero(at(shift, block), width);
    repeat(lanes, at(shift, block), width, c, fold);
    repeat(lanes + SPAN, at(scale, block), width, c, fold);
    repeat(lanes + 2 * SPAN, at(offset, block), width, c, fold);
    let p = at(x, block) + <usize>from * row;
    const apart = y - x;
    while (p < end) {
      // the rows left over are the beginning of a long row
      const bytes = min(long, end - p);
      if (relu) {
        if (plain) normalizeRun(true, true, p + apart, lanes, p, bytes);
        else normalizeRun(true, false, p + apart, lanes, p, bytes);
      } else {
        if (plain) normalizeRun(false, true, p + apart, lanes, p, bytes);
        else normalizeRun(false, false, p + apart, lanes, p, bytes);
      }
      p += stride;
    }
  }
}

/**
 * `bytes` of a long row, eight lanes a step.
 * @inline
 */
function normalizeRun(
  relu: bool,
  plain: bool,
  y: usize,
  lanes: usize, // K, a, b
  x: usize,
  bytes: usize,
): void {
  const whole = x + (bytes & ~31);
  const end = x + bytes;
  while (x < whole) {
    v128.store(y, normalizeLanes(relu, plain, v128.load(x), lanes, false));
    v128.store(y, normalizeLanes(relu, plain, v128.load(x, 16), lanes, true), 16);
    x += 32;
    y += 32;
    lanes += 32;
  }
  while (x < end) {
    const count = <i32>((end - x) >> 2);
    storeUpTo(y, normalizeLanes(relu, plain, loadUpTo(x, count), lanes, false), count);
    x += 16;
    y += 16;
    lanes += 16;
  }
}

/** @inline */
function normalizeLanes(relu: bool, plain: bool, x: v128, lanes: usize, next: bool): v128 {
  const a = loadLanes(lanes, SCALE, next);
  const b = loadLanes(lanes, OFFSET, next);
  return normalized(relu, plain, x, plain ? a : loadLanes(lanes, SHIFT, next), a, b);
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
  const fold = foldOf(to - from, c);
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
