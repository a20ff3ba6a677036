/**
 * Σ u and Σ u·d of rows [n, c] (equations.ts says what u is). The batch is treated as long rows
 * (row-tiling.ts). Each lane of a long row has its own two sums, which stay in the first-level cache; four
 * long rows are added at once, so that these sums are loaded and stored a quarter as often.
 */

import { at, loadUpTo, madd, storeUpTo } from '../lanes';
import { addToTotals, RUN } from '../reduce';
import { difference, GRADIENT, GRADIENT_RELU, STATISTICS, term } from './equations';
import { clearTotals } from './plane-sums';
import { allZero, loadRepeated, repeat, rowsInColumns } from './row-tiling';
import {
  BatchNormShape,
  OFFSET,
  PERIOD,
  INTERCEPT as PRODUCT,
  repeatedRows,
  SCALE,
  SHIFT,
  SPAN,
  SLOPE as SUM,
  totalsBytes,
} from './shape';

/**
 * Elements of x, and of dy, up to which adding four long rows at once is faster than going in memory order.
 */
const FOUR_ROWS: i64 = 1 << 20;

/**
 * Adds `rows` rows of up to four lanes to their float32 sums. The rows are added to each other first, so
 * that the sum is rounded once for all of them. @inline
 */
function addColumn(
  kind: i32,
  unshifted: bool,
  rows: i32,
  count: i32,
  repeated: usize, // [5, SPAN]: K, a, b, Σ u, Σ u·d
  x: usize,
  dy: usize,
  stride: usize,
): void {
  const k = unshifted ? f32x4.splat(0) : loadRepeated(repeated, SHIFT, false);
  const a = kind == GRADIENT_RELU ? loadRepeated(repeated, SCALE, false) : k;
  const b = kind == GRADIENT_RELU ? loadRepeated(repeated, OFFSET, false) : k;
  let u = f32x4.splat(0);
  let v = f32x4.splat(0);
  while (rows > 0) {
    const d = difference(unshifted, x, count, false, k);
    const t = term(kind, dy, count, false, d, a, b);
    u = f32x4.add(u, t);
    v = madd(t, d, v);
    x += stride;
    dy += stride;
    rows -= 1;
  }
  addToSums(false, repeated, u, v);
}

/** @inline */
function addToSums(next: bool, repeated: usize, u: v128, v: v128): void {
  const sum = f32x4.add(loadRepeated(repeated, SUM, next), u);
  const product = f32x4.add(loadRepeated(repeated, PRODUCT, next), v);
  if (next) {
    v128.store(repeated, sum, 3 * SPAN + 16);
    v128.store(repeated, product, 4 * SPAN + 16);
  } else {
    v128.store(repeated, sum, 3 * SPAN);
    v128.store(repeated, product, 4 * SPAN);
  }
}

/**
 * addColumn for one row or `four` rows, for four lanes of the repeated rows, or with `next` for the four
 * after them. The bits are those of addColumn. @inline
 */
function addRows(
  kind: i32,
  unshifted: bool,
  four: bool,
  next: bool,
  repeated: usize, // [5, SPAN]: K, a, b, Σ u, Σ u·d
  x: usize,
  dy: usize,
  stride: usize,
): void {
  const k = unshifted ? f32x4.splat(0) : loadRepeated(repeated, SHIFT, next);
  const a = kind == GRADIENT_RELU ? loadRepeated(repeated, SCALE, next) : k;
  const b = kind == GRADIENT_RELU ? loadRepeated(repeated, OFFSET, next) : k;
  const d0 = difference(unshifted, x, 4, next, k);
  let u = term(kind, dy, 4, next, d0, a, b);
  let v = f32x4.mul(u, d0);
  if (four) {
    const x1 = x + stride;
    const dy1 = dy + stride;
    const d1 = difference(unshifted, x1, 4, next, k);
    const u1 = term(kind, dy1, 4, next, d1, a, b);
    const x2 = x1 + stride;
    const dy2 = dy1 + stride;
    const d2 = difference(unshifted, x2, 4, next, k);
    const u2 = term(kind, dy2, 4, next, d2, a, b);
    const d3 = difference(unshifted, x2 + stride, 4, next, k);
    const u3 = term(kind, dy2 + stride, 4, next, d3, a, b);
    u = f32x4.add(f32x4.add(f32x4.add(u, u1), u2), u3);
    v = madd(u3, d3, madd(u2, d2, madd(u1, d1, v)));
  }
  addToSums(next, repeated, u, v);
}

/**
 * Adds `rows` long rows of `width` bytes, the first `fours` of them four at a time, and `last` bytes of one
 * more.
 * @inline
 */
function addRunOf(
  kind: i32,
  unshifted: bool,
  repeated: usize,
  x: usize,
  dy: usize,
  stride: usize,
  width: usize,
  fours: i32,
  rows: i32,
  last: usize,
): void {
  const toDy = dy - x;
  const eights = width & ~31;
  for (let i = 0; i < fours; i += 4) {
    addEights(kind, unshifted, true, repeated, x + <usize>i * stride, toDy, stride, eights);
  }
  for (let i = fours; i < rows; i++) {
    addEights(kind, unshifted, false, repeated, x + <usize>i * stride, toDy, stride, eights);
  }
  // the lanes after the last eight of each row, and the row of `last` bytes
  let i = width > eights ? 0 : rows;
  while (i <= rows) {
    const height = i < fours ? 4 : 1;
    const done = i < rows ? eights : 0;
    const row = x + <usize>i * stride;
    const end = row + (i < rows ? width : last);
    let p = row + done;
    let l = repeated + done;
    while (p < end) {
      const count = min(<i32>((end - p) >> 2), 4);
      addColumn(kind, unshifted, height, count, l, p, p + toDy, stride);
      p += 16;
      l += 16;
    }
    i += height;
  }
}

/**
 * addRows for a whole row, eight lanes a step.
 * @inline
 */
function addEights(
  kind: i32,
  unshifted: bool,
  four: bool,
  repeated: usize,
  x: usize,
  toDy: usize,
  stride: usize,
  bytes: usize,
): void {
  const end = x + bytes;
  while (x < end) {
    addRows(kind, unshifted, four, false, repeated, x, x + toDy, stride);
    addRows(kind, unshifted, four, true, repeated, x, x + toDy, stride);
    x += 32;
    repeated += 32;
  }
}

/*
 * One function each: the optimizer would merge two loops that differ only in a flag, and test the flag in
 * the innermost loop.
 */

/** u = d. */
function addStatistics(
  repeated: usize,
  x: usize,
  stride: usize,
  width: usize,
  fours: i32,
  rows: i32,
  last: usize,
): void {
  addRunOf(STATISTICS, false, repeated, x, 0, stride, width, fours, rows, last);
}

/** u = d, K = 0. */
function addUnshiftedStatistics(
  repeated: usize,
  x: usize,
  stride: usize,
  width: usize,
  fours: i32,
  rows: i32,
  last: usize,
): void {
  addRunOf(STATISTICS, true, repeated, x, 0, stride, width, fours, rows, last);
}

/** u = dy. */
function addGradient(
  repeated: usize,
  x: usize,
  dy: usize,
  stride: usize,
  width: usize,
  fours: i32,
  rows: i32,
  last: usize,
): void {
  addRunOf(GRADIENT, false, repeated, x, dy, stride, width, fours, rows, last);
}

/** u = dy, K = 0. */
function addUnshiftedGradient(
  repeated: usize,
  x: usize,
  dy: usize,
  stride: usize,
  width: usize,
  fours: i32,
  rows: i32,
  last: usize,
): void {
  addRunOf(GRADIENT, true, repeated, x, dy, stride, width, fours, rows, last);
}

/** u = dy where the ReLU passes it, else 0. */
function addGradientRelu(
  repeated: usize,
  x: usize,
  dy: usize,
  stride: usize,
  width: usize,
  fours: i32,
  rows: i32,
  last: usize,
): void {
  addRunOf(GRADIENT_RELU, false, repeated, x, dy, stride, width, fours, rows, last);
}

/** @inline */
function addRun(
  kind: i32,
  unshifted: bool,
  repeated: usize,
  x: usize,
  dy: usize,
  stride: usize,
  width: usize,
  fours: i32,
  rows: i32,
  last: usize,
): void {
  if (kind == STATISTICS) {
    if (unshifted) addUnshiftedStatistics(repeated, x, stride, width, fours, rows, last);
    else addStatistics(repeated, x, stride, width, fours, rows, last);
  } else if (kind == GRADIENT) {
    if (unshifted) addUnshiftedGradient(repeated, x, dy, stride, width, fours, rows, last);
    else addGradient(repeated, x, dy, stride, width, fours, rows, last);
  } else {
    addGradientRelu(repeated, x, dy, stride, width, fours, rows, last);
  }
}

/**
 * Whether long rows are added four at a time: always if only x is read; with x and dy if they are small, or
 * if four long rows fit in 512 bytes.
 * @inline
 */
function byFours(kind: i32, elements: i64, stride: usize): bool {
  return kind == STATISTICS || elements <= FOUR_ROWS || stride <= 128;
}

/**
 * totals[0, j] = Σ u and totals[1, j] = Σ u·d over all rows, for channels [from, to).
 */
export function sumRows(
  kind: i32,
  scratch: usize, // the totals [2, C] f64, and the repeated rows
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a; read for GRADIENT_RELU only
  offset: usize, // [c] f32, b; read for GRADIENT_RELU only
  dy: usize, // [n, c] f32; not read for the statistics
  x: usize, // [n, c] f32
  shape: BatchNormShape,
  from: i32,
  to: i32,
): void {
  const c = shape.c;
  const repeated = repeatedRows(scratch, c);
  for (let j = from; j < to; j += PERIOD) {
    const end = min(j + PERIOD, to);
    sumBlock(kind, scratch, shift, scale, offset, dy, x, shape.n, c, j, end, repeated);
  }
}

/**
 * sumRows of at most PERIOD channels. The order of additions follows from n and c alone, not from the
 * range: each lane of a long row is summed over the batch, then the lanes of a channel are added in
 * float64. @inline
 */
function sumBlock(
  kind: i32,
  totals: usize, // [2, C] f64
  shift: usize, // [c] f32, K
  scale: usize, // [c] f32, a; read for GRADIENT_RELU only
  offset: usize, // [c] f32, b; read for GRADIENT_RELU only
  dy: usize, // [n, c] f32; not read for the statistics
  x: usize, // [n, c] f32
  n: i32,
  c: i32,
  from: i32,
  to: i32,
  repeated: usize, // [5, SPAN], scratch
): void {
  const channels = to - from;
  const joined = rowsInColumns(n, c, 32);
  const whole = channels == c;
  // With all channels a long row is one piece of memory. A range of channels is one piece in each joined
  // row.
  const pieces = whole ? 1 : joined;
  const width = (<usize>(whole ? joined * c : channels)) << 2;
  const row = (<usize>c) << 2;
  const stride = row * <usize>joined;
  const total = totals + ((<usize>from) << 3);
  const totalProduct = total + totalsBytes(c);
  // with a ReLU there is so much more work that saving a subtraction is not worth a separate loop
  const unshifted = kind != GRADIENT_RELU && allZero(at(shift, from), channels);
  repeat(repeated, at(shift, from), channels, c, joined);
  if (kind == GRADIENT_RELU) {
    repeat(repeated + SPAN, at(scale, from), channels, c, joined);
    repeat(repeated + 2 * SPAN, at(offset, from), channels, c, joined);
  }
  clearTotals(total, totalsBytes(c), (channels + 3) & ~3); // whole vectors
  const long = n / joined;
  const rest = n - long * joined;
  const four = byFours(kind, <i64>n * <i64>c, stride);
  clearSums(repeated, whole ? joined * c : (joined - 1) * c + channels);
  for (let first = 0; first < long; first += RUN) {
    const rows = min(RUN, long - first);
    const fours = four ? rows & ~3 : 0;
    const over = first + rows == long ? rest : 0;
    for (let g = 0; g < pieces; g++) {
      const piece = <usize>g * row;
      const start = at(0, from) + <usize>first * stride + piece;
      const last = whole ? <usize>over * row : g < over ? width : 0;
      const l = repeated + piece;
      addRun(kind, unshifted, l, x + start, dy + start, stride, width, fours, rows, last);
    }
    for (let g = 0; g < joined; g++) {
      moveToTotals(total, totalProduct, repeated + <usize>g * row, channels);
    }
  }
}

/** Sets `count` lanes of both sums to 0. This is a loop, because memory.fill is a call out of the module. */
function clearSums(repeated: usize, count: i32): void {
  const end = at(repeated, count);
  while (repeated < end) {
    v128.store(repeated, f32x4.splat(0), 3 * SPAN);
    v128.store(repeated, f32x4.splat(0), 4 * SPAN);
    repeated += 16;
  }
}

/**
 * Adds the float32 sums of `channels` lanes to their float64 totals, which are padded to whole
 * vectors, and sets them to 0.
 */
function moveToTotals(total: usize, totalProduct: usize, repeated: usize, channels: i32): void {
  for (let j = 0; j < channels; j += 4) {
    const count = channels - j;
    addToTotals(total, loadUpTo(repeated + 3 * SPAN, count));
    addToTotals(totalProduct, loadUpTo(repeated + 4 * SPAN, count));
    storeUpTo(repeated + 3 * SPAN, f32x4.splat(0), count);
    storeUpTo(repeated + 4 * SPAN, f32x4.splat(0), count);
    repeated += 16;
    total += 32;
    totalProduct += 32;
  }
}
