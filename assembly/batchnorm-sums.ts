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
  foldOf,
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
import { at, keepUpTo, loadUpTo, madd, sumLanes, widenHigh, widenLow } from './lanes';

/** What u is. */
export const STATISTICS = 0; // d
export const GRADIENT = 1; // dy
export const GRADIENT_RELU = 2; // dy where y = max(d·a + b, 0) is not ≤ 0

/** Terms that one float32 lane adds up before float64 takes over. */
const RUN = 256;
/** Elements of x, and of dy, up to which four rows at once beat the order of memory. */
const NEAR: i64 = 1 << 20;

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
 * (x − K)·a + b, or max(that, 0) with `relu`; `plain`: K = 0.
 * @inline
 */
export function normalized(relu: bool, plain: bool, x: v128, k: v128, a: v128, b: v128): v128 {
  const y = madd(plain ? x : f32x4.sub(x, k), a, b);
  return relu ? f32x4.pmax(y, f32x4.splat(0)) : y;
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
 * Adds `rows` (four or one) rows of up to four lanes, or with `next` of the four after them, to their float32 sums; four meet
 * each other before they meet the sum. @inline
 */
function addRows(
  kind: i32,
  plain: bool,
  rows: i32,
  count: i32,
  next: bool,
  lanes: usize, // [5, SPAN]: K, a, b, Σ u, Σ u·d
  x: usize,
  dy: usize,
  stride: usize,
): void {
  const k = plain ? f32x4.splat(0) : loadLanes(lanes, SHIFT, next);
  const a = kind == GRADIENT_RELU ? loadLanes(lanes, SCALE, next) : k;
  const b = kind == GRADIENT_RELU ? loadLanes(lanes, OFFSET, next) : k;
  const d0 = difference(plain, x, count, next, k);
  const u0 = term(kind, dy, count, next, d0, a, b);
  let u = u0;
  let v = f32x4.mul(u0, d0);
  if (rows == 4) {
    let p = x + stride;
    let q = dy + stride;
    const d1 = difference(plain, p, count, next, k);
    const u1 = term(kind, q, count, next, d1, a, b);
    p += stride;
    q += stride;
    const d2 = difference(plain, p, count, next, k);
    const u2 = term(kind, q, count, next, d2, a, b);
    p += stride;
    q += stride;
    const d3 = difference(plain, p, count, next, k);
    const u3 = term(kind, q, count, next, d3, a, b);
    u = f32x4.add(f32x4.add(u, u1), f32x4.add(u2, u3));
    v = f32x4.add(madd(u1, d1, v), madd(u3, d3, f32x4.mul(u2, d2)));
  }
  u = f32x4.add(loadLanes(lanes, SUM, next), u);
  v = f32x4.add(loadLanes(lanes, PRODUCT, next), v);
  if (next) {
    v128.store(lanes, u, 3 * SPAN + 16);
    v128.store(lanes, v, 4 * SPAN + 16);
  } else {
    v128.store(lanes, u, 3 * SPAN);
    v128.store(lanes, v, 4 * SPAN);
  }
}

/**
 * addRows over `width` bytes of lanes, eight lanes a step.
 * @inline
 */
function addRowsAcross(
  kind: i32,
  plain: bool,
  rows: i32,
  width: usize,
  lanes: usize,
  x: usize,
  dy: usize,
  stride: usize,
): void {
  const end = x + width;
  const eights = x + (width & ~31);
  while (x < eights) {
    addRows(kind, plain, rows, 4, false, lanes, x, dy, stride);
    addRows(kind, plain, rows, 4, true, lanes, x, dy, stride);
    x += 32;
    dy += 32;
    lanes += 32;
  }
  while (x < end) {
    const count = min(<i32>((end - x) >> 2), 4);
    addRows(kind, plain, rows, count, false, lanes, x, dy, stride);
    x += 16;
    dy += 16;
    lanes += 16;
  }
}

/**
 * Adds `rows` rows of `width` bytes, `fours` of them in fours, and `last` bytes of one more.
 * @inline
 */
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
  const first = x + <usize>fours * stride;
  const end = x + <usize>rows * stride;
  while (x < first) {
    addRowsAcross(kind, plain, 4, width, lanes, x, dy, stride);
    x += 4 * stride;
    dy += 4 * stride;
  }
  while (x < end) {
    addRowsAcross(kind, plain, 1, width, lanes, x, dy, stride);
    x += stride;
    dy += stride;
  }
  if (last) addRowsAcross(kind, plain, 1, last, lanes, x, dy, stride);
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
  const fold = foldOf(n, c);
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
  const inFours = kind == STATISTICS || <i64>n * <i64>c <= NEAR;
  for (let first = 0; first < long; first += RUN) {
    const rows = min(RUN, long - first);
    const fours = inFours ? rows & ~3 : 0;
    const over = first + rows == long ? rest : 0;
    memory.fill(lanes + 3 * SPAN, 0, 2 * SPAN);
    for (let g = 0; g < pieces; g++) {
      const piece = <usize>g * row;
      const start = at(0, from) + <usize>first * stride + piece;
      const last = whole ? <usize>over * row : g < over ? width : 0;
      const l = lanes + piece;
      if (plain) addRun(kind, true, l, x + start, dy + start, stride, width, fours, rows, last);
      else addRun(kind, false, l, x + start, dy + start, stride, width, fours, rows, last);
    }
    for (let g = 0; g < fold; g++) {
      const sums = lanes + 3 * SPAN + <usize>g * row;
      addToTotals(total, sums, channels);
      addToTotals(totalProduct, sums + SPAN, channels);
    }
  }
}

/** total[j] += sum[j], float32 into float64; totals are padded to whole vectors. */
function addToTotals(total: usize, sum: usize, channels: i32): void {
  for (let j = 0; j < channels; j += 4) {
    const v = loadUpTo(sum, channels - j);
    v128.store(total, f64x2.add(v128.load(total), widenLow(v)));
    v128.store(total, f64x2.add(v128.load(total, 16), widenHigh(v)), 16);
    sum += 16;
    total += 32;
  }
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
