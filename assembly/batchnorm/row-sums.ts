/**
 * Σ u and Σ u·d of rows [n, c] (batchnorm/equations.ts says what they are): folded into long rows, of which some
 * are added at once, so that their sums, in the first-level cache, are loaded and stored less often.
 */

import { at, loadUpTo, madd, storeUpTo, widenHigh, widenLow } from '../lanes';
import { difference, GRADIENT, GRADIENT_RELU, padded, RUN, STATISTICS, term } from './equations';
import {
  allZero,
  foldBeside,
  loadLanes,
  OFFSET,
  INTERCEPT as PRODUCT,
  repeat,
  SCALE,
  SHIFT,
  SPAN,
  SLOPE as SUM,
} from './row-tiling';

/** Elements of x, and of dy, up to which four long rows at once beat the order of memory. */
const NEAR: i64 = 1 << 20;

/**
 * Adds `rows` rows of up to four lanes to their float32 sums. Rows meet each other before they meet the
 * sum, which a lane's rounding feels as if they were one. @inline
 */
function addColumn(
  kind: i32,
  plain: bool,
  rows: i32,
  count: i32,
  lanes: usize, // [5, SPAN]: K, a, b, Σ u, Σ u·d
  x: usize,
  dy: usize,
  stride: usize,
): void {
  const k = plain ? f32x4.splat(0) : loadLanes(lanes, SHIFT, false);
  const a = kind == GRADIENT_RELU ? loadLanes(lanes, SCALE, false) : k;
  const b = kind == GRADIENT_RELU ? loadLanes(lanes, OFFSET, false) : k;
  let u = f32x4.splat(0);
  let v = f32x4.splat(0);
  while (rows > 0) {
    const d = difference(plain, x, count, false, k);
    const t = term(kind, dy, count, false, d, a, b);
    u = f32x4.add(u, t);
    v = madd(t, d, v);
    x += stride;
    dy += stride;
    rows -= 1;
  }
  addToSums(false, lanes, u, v);
}

/** @inline */
function addToSums(next: bool, lanes: usize, u: v128, v: v128): void {
  const sum = f32x4.add(loadLanes(lanes, SUM, next), u);
  const product = f32x4.add(loadLanes(lanes, PRODUCT, next), v);
  if (next) {
    v128.store(lanes, sum, 3 * SPAN + 16);
    v128.store(lanes, product, 4 * SPAN + 16);
  } else {
    v128.store(lanes, sum, 3 * SPAN);
    v128.store(lanes, product, 4 * SPAN);
  }
}

/**
 * addColumn for one row, or `four`, of four lanes, or with `next` of the four after them, to the same
 * bits. @inline
 */
function addRows(
  kind: i32,
  plain: bool,
  four: bool,
  next: bool,
  lanes: usize, // [5, SPAN]: K, a, b, Σ u, Σ u·d
  x: usize,
  dy: usize,
  stride: usize,
): void {
  const k = plain ? f32x4.splat(0) : loadLanes(lanes, SHIFT, next);
  const a = kind == GRADIENT_RELU ? loadLanes(lanes, SCALE, next) : k;
  const b = kind == GRADIENT_RELU ? loadLanes(lanes, OFFSET, next) : k;
  const d0 = difference(plain, x, 4, next, k);
  let u = term(kind, dy, 4, next, d0, a, b);
  let v = f32x4.mul(u, d0);
  if (four) {
    const x1 = x + stride;
    const dy1 = dy + stride;
    const d1 = difference(plain, x1, 4, next, k);
    const u1 = term(kind, dy1, 4, next, d1, a, b);
    const x2 = x1 + stride;
    const dy2 = dy1 + stride;
    const d2 = difference(plain, x2, 4, next, k);
    const u2 = term(kind, dy2, 4, next, d2, a, b);
    const d3 = difference(plain, x2 + stride, 4, next, k);
    const u3 = term(kind, dy2 + stride, 4, next, d3, a, b);
    u = f32x4.add(f32x4.add(f32x4.add(u, u1), u2), u3);
    v = madd(u3, d3, madd(u2, d2, madd(u1, d1, v)));
  }
  addToSums(next, lanes, u, v);
}

/**
 * Adds `rows` rows of `width` bytes, the first `fours` of them by fours, and `last` bytes of one more.
 * @inline
 */
function addRunOf(
  kind: i32,
  plain: bool,
  lanes: usize,
  x: usize,
  dy: usize,
  stride: usize,
  width: usize,
  fours: i32,
  rows: i32,
  last: usize,
): void {
  const apart = dy - x;
  const eights = width & ~31;
  for (let i = 0; i < fours; i += 4) {
    addEights(kind, plain, true, lanes, x + <usize>i * stride, apart, stride, eights);
  }
  for (let i = fours; i < rows; i++) {
    addEights(kind, plain, false, lanes, x + <usize>i * stride, apart, stride, eights);
  }
  // the edge, and the last
  let i = width > eights ? 0 : rows;
  while (i <= rows) {
    const height = i < fours ? 4 : 1;
    const done = i < rows ? eights : 0;
    const row = x + <usize>i * stride;
    const end = row + (i < rows ? width : last);
    let p = row + done;
    let l = lanes + done;
    while (p < end) {
      const count = min(<i32>((end - p) >> 2), 4);
      addColumn(kind, plain, height, count, l, p, p + apart, stride);
      p += 16;
      l += 16;
    }
    i += height;
  }
}

/**
 * addRows for all of a row, eight lanes a step. @inline
 */
function addEights(
  kind: i32,
  plain: bool,
  four: bool,
  lanes: usize,
  x: usize,
  apart: usize,
  stride: usize,
  bytes: usize,
): void {
  const end = x + bytes;
  while (x < end) {
    addRows(kind, plain, four, false, lanes, x, x + apart, stride);
    addRows(kind, plain, four, true, lanes, x, x + apart, stride);
    x += 32;
    lanes += 32;
  }
}

/*
 * A function each: the optimizer would take two such loops for one, and ask in the innermost which it is.
 */

/** u = d. */
function addStatistics(
  lanes: usize,
  x: usize,
  stride: usize,
  width: usize,
  fours: i32,
  rows: i32,
  last: usize,
): void {
  addRunOf(STATISTICS, false, lanes, x, 0, stride, width, fours, rows, last);
}

/** u = d, K = 0. */
function addStatisticsPlain(
  lanes: usize,
  x: usize,
  stride: usize,
  width: usize,
  fours: i32,
  rows: i32,
  last: usize,
): void {
  addRunOf(STATISTICS, true, lanes, x, 0, stride, width, fours, rows, last);
}

/** u = dy. */
function addGradient(
  lanes: usize,
  x: usize,
  dy: usize,
  stride: usize,
  width: usize,
  fours: i32,
  rows: i32,
  last: usize,
): void {
  addRunOf(GRADIENT, false, lanes, x, dy, stride, width, fours, rows, last);
}

/** u = dy, K = 0. */
function addGradientPlain(
  lanes: usize,
  x: usize,
  dy: usize,
  stride: usize,
  width: usize,
  fours: i32,
  rows: i32,
  last: usize,
): void {
  addRunOf(GRADIENT, true, lanes, x, dy, stride, width, fours, rows, last);
}

/** u = what the ReLU let through of dy. */
function addGradientRelu(
  lanes: usize,
  x: usize,
  dy: usize,
  stride: usize,
  width: usize,
  fours: i32,
  rows: i32,
  last: usize,
): void {
  addRunOf(GRADIENT_RELU, false, lanes, x, dy, stride, width, fours, rows, last);
}

/** @inline */
function addRun(
  kind: i32,
  plain: bool,
  lanes: usize,
  x: usize,
  dy: usize,
  stride: usize,
  width: usize,
  fours: i32,
  rows: i32,
  last: usize,
): void {
  if (kind == STATISTICS) {
    if (plain) addStatisticsPlain(lanes, x, stride, width, fours, rows, last);
    else addStatistics(lanes, x, stride, width, fours, rows, last);
  } else if (kind == GRADIENT) {
    if (plain) addGradientPlain(lanes, x, dy, stride, width, fours, rows, last);
    else addGradient(lanes, x, dy, stride, width, fours, rows, last);
  } else {
    addGradientRelu(lanes, x, dy, stride, width, fours, rows, last);
  }
}

/**
 * Whether long rows are added by fours: always of x alone; of x and dy where they are near, or where 512
 * bytes hold four. @inline
 */
function byFours(kind: i32, elements: i64, stride: usize): bool {
  return kind == STATISTICS || elements <= NEAR || stride <= 128;
}

/**
 * totals[0, j] = Σ u and totals[1, j] = Σ u·d over all rows, for channels [from, to), at most PERIOD of
 * them. In which order follows from n and c alone, not from the range: long rows are summed down each
 * lane, and the lanes of a channel meet in float64. @inline
 */
export function sumRows(
  kind: i32,
  totals: usize, // [2, C] f64, C = c rounded up to 16
  x: usize, // [n, c] f32
  dy: usize, // [n, c] f32; not read for the statistics
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a; read for GRADIENT_RELU only
  offset: usize, // [c] f32, b; read for GRADIENT_RELU only
  n: i32,
  c: i32,
  from: i32,
  to: i32,
  lanes: usize, // [5, SPAN]
): void {
  const channels = to - from;
  const fold = foldBeside(n, c, 32);
  const whole = channels == c;
  // all channels: one long row; some: as many pieces of it as it folds rows
  const pieces = whole ? 1 : fold;
  const width = (<usize>(whole ? fold * c : channels)) << 2;
  const row = (<usize>c) << 2;
  const stride = row * <usize>fold;
  const total = totals + ((<usize>from) << 3);
  const totalProduct = total + ((<usize>padded(c)) << 3);
  const vectors = (<usize>((channels + 3) & ~3)) << 3;
  // next to what the ReLU asks for, the subtraction is not felt
  const plain = kind != GRADIENT_RELU && allZero(at(shift, from), channels);
  repeat(lanes, at(shift, from), channels, c, fold);
  if (kind == GRADIENT_RELU) {
    repeat(lanes + SPAN, at(scale, from), channels, c, fold);
    repeat(lanes + 2 * SPAN, at(offset, from), channels, c, fold);
  }
  memory.fill(total, 0, vectors);
  memory.fill(totalProduct, 0, vectors);
  const long = n / fold;
  const rest = n - long * fold;
  const four = byFours(kind, <i64>n * <i64>c, stride);
  clearSums(lanes, whole ? fold * c : (fold - 1) * c + channels);
  for (let first = 0; first < long; first += RUN) {
    const rows = min(RUN, long - first);
    const fours = four ? rows & ~3 : 0;
    const over = first + rows == long ? rest : 0;
    for (let g = 0; g < pieces; g++) {
      const piece = <usize>g * row;
      const start = at(0, from) + <usize>first * stride + piece;
      const last = whole ? <usize>over * row : g < over ? width : 0;
      const l = lanes + piece;
      addRun(kind, plain, l, x + start, dy + start, stride, width, fours, rows, last);
    }
    for (let g = 0; g < fold; g++) {
      moveToTotals(total, totalProduct, lanes + <usize>g * row, channels);
    }
  }
}

/** A loop: memory.fill is a call out of the module. */
function clearSums(lanes: usize, count: i32): void {
  const end = at(lanes, count);
  while (lanes < end) {
    v128.store(lanes, f32x4.splat(0), 3 * SPAN);
    v128.store(lanes, f32x4.splat(0), 4 * SPAN);
    lanes += 16;
  }
}

/** Adds the sums of `channels` lanes to their totals, float32 into float64, and starts them anew. */
function moveToTotals(total: usize, totalProduct: usize, lanes: usize, channels: i32): void {
  for (let j = 0; j < channels; j += 4) {
    const count = channels - j;
    addToTotal(total, loadUpTo(lanes + 3 * SPAN, count));
    addToTotal(totalProduct, loadUpTo(lanes + 4 * SPAN, count));
    storeUpTo(lanes + 3 * SPAN, f32x4.splat(0), count);
    storeUpTo(lanes + 4 * SPAN, f32x4.splat(0), count);
    lanes += 16;
    total += 32;
    totalProduct += 32;
  }
}

/** Totals are padded to whole vectors. @inline */
function addToTotal(total: usize, v: v128): void {
  v128.store(total, f64x2.add(v128.load(total), widenLow(v)));
  v128.store(total, f64x2.add(v128.load(total, 16), widenHigh(v)), 16);
}
