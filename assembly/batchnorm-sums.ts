/**
 * The two sums that both directions of batch norm are made of, per channel, with d = x − K:
 *
 *   Σ u   and   Σ u·d
 *
 * For the statistics u = d. For the gradient u = dy, or what a fused ReLU lets through of it. A lane
 * adds at most 256 float32 terms before its sum moves on to float64, so the error of a sum does not
 * grow with the batch.
 */
import {
  allZero,
  foldBeside,
  loadLanes,
  loadNumbers,
  OFFSET,
  INTERCEPT as PRODUCT,
  repeat,
  SCALE,
  SHIFT,
  SPAN,
  SLOPE as SUM,
} from './batchnorm-fold';
import { at, keepUpTo, loadUpTo, madd, storeUpTo, sumLanes, widenHigh, widenLow } from './lanes';

/** What u is. */
export const STATISTICS = 0; // d
export const GRADIENT = 1; // dy
export const GRADIENT_RELU = 2; // dy where y = max(d·a + b, 0) is not ≤ 0

/** Terms that one float32 lane adds up before float64 takes over. */
const RUN = 256;
/** Elements of x, and of dy, up to which long rows side by side, too, beat the order of memory. */
const NEAR: i64 = 3 << 20;

/**
 * Channels, rounded up to the multiple that scratch blocks are made of.
 * @inline
 */
export function padded(c: i32): i32 {
  return (c + 15) & ~15;
}

/**
 * All ones in the first `count` lanes.
 * @inline
 */
export function inside(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count));
}

/**
 * (x − K)·a + b; `plain`: K = 0.
 * @inline
 */
export function normalized(plain: bool, x: v128, k: v128, a: v128, b: v128): v128 {
  return madd(plain ? x : f32x4.sub(x, k), a, b);
}

/**
 * y, or with `relu` the floor where y is less; NaN stays. The floor is 0, or −∞ where one loop serves
 * batch norms with a ReLU and without. @inline
 */
export function clamped(relu: bool, y: v128, floor: v128): v128 {
  return relu ? f32x4.pmax(y, floor) : y;
}

/**
 * dy as the batch norm receives it. A ReLU behind it stops dy where z = d·a + b ≤ 0; z is the very
 * number that the forward pass computed, so y need not be read. NaN lets dy through, as in PyTorch.
 * @inline
 */
export function received(kind: i32, dy: v128, d: v128, a: v128, b: v128): v128 {
  if (kind != GRADIENT_RELU) return dy;
  return v128.andnot(dy, f32x4.le(madd(d, a, b), f32x4.splat(0)));
}

/**
 * Whether dx depends on x.
 * @inline
 */
export function readsX(kind: i32, training: bool): bool {
  return training || kind == GRADIENT_RELU;
}

/**
 * dy·a + (x − K)·p + q, or dy·a; `plain`: K = 0.
 * @inline
 */
export function inputGradient(
  kind: i32,
  training: bool,
  plain: bool,
  dy: v128,
  x: v128,
  k: v128,
  a: v128,
  b: v128,
  p: v128,
  q: v128,
): v128 {
  const d = plain ? x : f32x4.sub(x, k);
  const through = received(kind, dy, d, a, b);
  if (!training) return f32x4.mul(through, a);
  return madd(through, a, madd(d, p, q));
}

/**
 * u of up to four numbers.
 * @inline
 */
function term(kind: i32, dy: usize, count: i32, next: bool, d: v128, a: v128, b: v128): v128 {
  if (kind == STATISTICS) return d;
  return received(kind, loadNumbers(dy, count, next), d, a, b);
}

/**
 * x − K of up to four numbers, or with `next` of the four after them; `plain`: K = 0. Beyond
 * `count` it is 0.
 * @inline
 */
function difference(plain: bool, x: usize, count: i32, next: bool, k: v128): v128 {
  const v = loadNumbers(x, count, next);
  if (plain) return v;
  const d = f32x4.sub(v, k);
  return count < 4 ? keepUpTo(d, count) : d;
}

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
 * addColumn for two rows, or four for the statistics, of four lanes, or with `next` of the four after
 * them, to the same bits. @inline
 */
function addRows(
  kind: i32,
  plain: bool,
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
  const u0 = term(kind, dy, 4, next, d0, a, b);
  let p = x + stride;
  const d1 = difference(plain, p, 4, next, k);
  const u1 = term(kind, dy + stride, 4, next, d1, a, b);
  let u = f32x4.add(u0, u1);
  let v = madd(u1, d1, f32x4.mul(u0, d0));
  if (kind == STATISTICS) {
    p += stride;
    const d2 = difference(plain, p, 4, next, k);
    p += stride;
    const d3 = difference(plain, p, 4, next, k);
    u = f32x4.add(f32x4.add(u, d2), d3);
    v = madd(d3, d3, madd(d2, d2, v));
  }
  addToSums(next, lanes, u, v);
}

/**
 * Adds `rows` rows of `width` bytes, `group` of them at once, and `last` bytes of one more; groups of
 * addRows as far as eight lanes go. @inline
 */
function addRunOf(
  kind: i32,
  plain: bool,
  lanes: usize,
  x: usize,
  dy: usize,
  stride: usize,
  width: usize,
  group: i32,
  rows: i32,
  last: usize,
): void {
  const apart = dy - x;
  const eights = width & ~31;
  const most = group == 1 ? 0 : rows & ~(group - 1);
  for (let i = 0; i < most; i += group) {
    let p = x + <usize>i * stride;
    const end = p + eights;
    let l = lanes;
    while (p < end) {
      addRows(kind, plain, false, l, p, p + apart, stride);
      addRows(kind, plain, true, l, p, p + apart, stride);
      p += 32;
      l += 32;
    }
  }
  // the edge, the rows left over, and the last
  let i = width > eights ? 0 : most;
  while (i <= rows) {
    const height = i < rows ? min(group, rows - i) : 1;
    const done = i < most ? eights : 0;
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

/*
 * A function each: the optimizer would take two such loops for one, and ask in the innermost which it is.
 */

/** u = d. */
function addStatistics(
  lanes: usize,
  x: usize,
  stride: usize,
  width: usize,
  group: i32,
  rows: i32,
  last: usize,
): void {
  addRunOf(STATISTICS, false, lanes, x, 0, stride, width, group, rows, last);
}

/** u = d, K = 0. */
function addStatisticsPlain(
  lanes: usize,
  x: usize,
  stride: usize,
  width: usize,
  group: i32,
  rows: i32,
  last: usize,
): void {
  addRunOf(STATISTICS, true, lanes, x, 0, stride, width, group, rows, last);
}

/** u = dy. */
function addGradient(
  lanes: usize,
  x: usize,
  dy: usize,
  stride: usize,
  width: usize,
  group: i32,
  rows: i32,
  last: usize,
): void {
  addRunOf(GRADIENT, false, lanes, x, dy, stride, width, group, rows, last);
}

/** u = dy, K = 0. */
function addGradientPlain(
  lanes: usize,
  x: usize,
  dy: usize,
  stride: usize,
  width: usize,
  group: i32,
  rows: i32,
  last: usize,
): void {
  addRunOf(GRADIENT, true, lanes, x, dy, stride, width, group, rows, last);
}

/** u = what the ReLU let through of dy. */
function addGradientRelu(
  lanes: usize,
  x: usize,
  dy: usize,
  stride: usize,
  width: usize,
  group: i32,
  rows: i32,
  last: usize,
): void {
  addRunOf(GRADIENT_RELU, false, lanes, x, dy, stride, width, group, rows, last);
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
  group: i32,
  rows: i32,
  last: usize,
): void {
  if (kind == STATISTICS) {
    if (plain) addStatisticsPlain(lanes, x, stride, width, group, rows, last);
    else addStatistics(lanes, x, stride, width, group, rows, last);
  } else if (kind == GRADIENT) {
    if (plain) addGradientPlain(lanes, x, dy, stride, width, group, rows, last);
    else addGradient(lanes, x, dy, stride, width, group, rows, last);
  } else {
    addGradientRelu(lanes, x, dy, stride, width, group, rows, last);
  }
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
  const alone = kind != STATISTICS && stride > 256 && <i64>n * <i64>c > NEAR;
  const group = kind == STATISTICS ? 4 : alone ? 1 : 2;
  clearSums(lanes, whole ? fold * c : (fold - 1) * c + channels);
  for (let first = 0; first < long; first += RUN) {
    const rows = min(RUN, long - first);
    const over = first + rows == long ? rest : 0;
    for (let g = 0; g < pieces; g++) {
      const piece = <usize>g * row;
      const start = at(0, from) + <usize>first * stride + piece;
      const last = whole ? <usize>over * row : g < over ? width : 0;
      const l = lanes + piece;
      addRun(kind, plain, l, x + start, dy + start, stride, width, group, rows, last);
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

/**
 * total += Σ u and totalProduct += Σ u·d over one plane of s numbers. Four sums a kind hide the
 * latency of the addition. @inline
 */
export function sumPlane(
  kind: i32,
  plain: bool, // K = 0
  total: usize, // [1] f64
  totalProduct: usize, // [1] f64
  x: usize, // [s] f32
  dy: usize, // [s] f32; not read for the statistics
  k: v128,
  a: v128,
  b: v128,
  s: i32,
): void {
  const end = x + ((<usize>s) << 2);
  let p = x;
  let q = dy;
  let sum: f64 = 0;
  let product: f64 = 0;
  while (p < end) {
    // 16 lanes, each at most RUN terms
    const stop = min(p + RUN * 64, end);
    const whole = p + ((stop - p) & ~63);
    const most = p + ((stop - p) & ~15);
    let u0 = f32x4.splat(0);
    let u1 = u0;
    let u2 = u0;
    let u3 = u0;
    let v0 = u0;
    let v1 = u0;
    let v2 = u0;
    let v3 = u0;
    while (p < whole) {
      const d0 = difference(plain, p, 4, false, k);
      const t0 = term(kind, q, 4, false, d0, a, b);
      u0 = f32x4.add(u0, t0);
      v0 = madd(t0, d0, v0);
      const d1 = difference(plain, p, 4, true, k);
      const t1 = term(kind, q, 4, true, d1, a, b);
      u1 = f32x4.add(u1, t1);
      v1 = madd(t1, d1, v1);
      const d2 = difference(plain, p + 32, 4, false, k);
      const t2 = term(kind, q + 32, 4, false, d2, a, b);
      u2 = f32x4.add(u2, t2);
      v2 = madd(t2, d2, v2);
      const d3 = difference(plain, p + 32, 4, true, k);
      const t3 = term(kind, q + 32, 4, true, d3, a, b);
      u3 = f32x4.add(u3, t3);
      v3 = madd(t3, d3, v3);
      p += 64;
      q += 64;
    }
    while (p < most) {
      const d = difference(plain, p, 4, false, k);
      const t = term(kind, q, 4, false, d, a, b);
      u0 = f32x4.add(u0, t);
      v0 = madd(t, d, v0);
      p += 16;
      q += 16;
    }
    if (p < stop) {
      const count = <i32>((stop - p) >> 2);
      const d = difference(plain, p, count, false, k);
      const t = term(kind, q, count, false, d, a, b);
      u1 = f32x4.add(u1, t);
      v1 = madd(t, d, v1);
      p = stop;
    }
    sum += <f64>sumLanes(f32x4.add(f32x4.add(u0, u1), f32x4.add(u2, u3)));
    product += <f64>sumLanes(f32x4.add(f32x4.add(v0, v1), f32x4.add(v2, v3)));
  }
  f64.store(total, f64.load(total) + sum);
  f64.store(totalProduct, f64.load(totalProduct) + product);
}
