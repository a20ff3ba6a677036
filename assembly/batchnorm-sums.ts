/**
 * The two sums that both directions of batch norm are made of, per channel, with d = x − K:
 *
 *   Σ u   and   Σ u·d
 *
 * For the statistics u = d. For the gradient u = dy, or what a fused ReLU lets through of it. A lane
 * adds at most 256 float32 terms before its sum moves on to float64, so the error of a sum does not
 * grow with the batch.
 */
import { at, loadPartial, madd, storePartial, sumLanes, widenHigh, widenLow } from './lanes';

/** What u is. */
export const STATISTICS = 0; // d
export const GRADIENT = 1; // dy
export const GRADIENT_RELU = 2; // dy where y = max(d·a + b, 0) is not ≤ 0

/** Terms that one float32 lane adds up before float64 takes over. */
const RUN = 256;
/** Channels at once in rows: their sums and parameters stay in the first-level cache. */
export const ROW_BLOCK = 1024;

/**
 * Channels, rounded up to the multiple that scratch blocks are made of.
 * @inline
 */
export function padded(c: i32): i32 {
  return (c + 15) & ~15;
}

/**
 * Up to four channels at `p`, or with `next` the four after them: loops over rows take eight channels
 * a step, at constant offsets. @inline
 */
export function loadChannels(p: usize, count: i32, next: bool = false): v128 {
  if (count < 4) return loadPartial(p, count);
  return next ? v128.load(p, 16) : v128.load(p);
}

/**
 * Stores what loadChannels loads.
 * @inline
 */
export function storeChannels(p: usize, v: v128, count: i32, next: bool = false): void {
  if (count < 4) storePartial(p, v, count);
  else if (next) v128.store(p, v, 16);
  else v128.store(p, v);
}

/**
 * All ones in the first `count` lanes.
 * @inline
 */
export function inside(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count));
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
 * dy·a + (x − K)·p + q, or dy·a.
 * @inline
 */
export function inputGradient(
  kind: i32,
  training: bool,
  dy: v128,
  x: v128,
  k: v128,
  a: v128,
  b: v128,
  p: v128,
  q: v128,
): v128 {
  const d = f32x4.sub(x, k);
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
  return received(kind, loadChannels(dy, count, next), d, a, b);
}

/**
 * Adds `rows` (four or one) rows of up to four channels, `i` bytes on, to their float32 sums; four
 * meet each other before they meet the sum. @inline
 */
function addRows(
  kind: i32,
  rows: i32,
  count: i32,
  next: bool,
  i: usize,
  sums: usize, // Σ u
  products: usize, // Σ u·d
  x: usize,
  dy: usize,
  stride: usize,
  shift: usize,
  scale: usize,
  offset: usize,
): void {
  const k = loadChannels(shift + i, count, next);
  const a = kind == GRADIENT_RELU ? loadChannels(scale + i, count, next) : k;
  const b = kind == GRADIENT_RELU ? loadChannels(offset + i, count, next) : k;
  let p = x + i;
  let q = dy + i;
  const d0 = f32x4.sub(loadChannels(p, count, next), k);
  const u0 = term(kind, q, count, next, d0, a, b);
  let u = u0;
  let v = f32x4.mul(u0, d0);
  if (rows == 4) {
    p += stride;
    q += stride;
    const d1 = f32x4.sub(loadChannels(p, count, next), k);
    const u1 = term(kind, q, count, next, d1, a, b);
    p += stride;
    q += stride;
    const d2 = f32x4.sub(loadChannels(p, count, next), k);
    const u2 = term(kind, q, count, next, d2, a, b);
    p += stride;
    q += stride;
    const d3 = f32x4.sub(loadChannels(p, count, next), k);
    const u3 = term(kind, q, count, next, d3, a, b);
    u = f32x4.add(f32x4.add(u, u1), f32x4.add(u2, u3));
    v = f32x4.add(madd(u1, d1, v), madd(u3, d3, f32x4.mul(u2, d2)));
  }
  // these blocks are scratch and padded: whole vectors, even where channels end
  const s = sums + i;
  const t = products + i;
  storeChannels(s, f32x4.add(loadChannels(s, 4, next), u), 4, next);
  storeChannels(t, f32x4.add(loadChannels(t, 4, next), v), 4, next);
}

/**
 * addRows over `width` bytes of channels, eight channels a step.
 * @inline
 */
function addRowsAcross(
  kind: i32,
  rows: i32,
  width: usize,
  sums: usize,
  products: usize,
  x: usize,
  dy: usize,
  stride: usize,
  shift: usize,
  scale: usize,
  offset: usize,
): void {
  const eights = width & ~31;
  let i: usize = 0;
  while (i < eights) {
    addRows(kind, rows, 4, false, i, sums, products, x, dy, stride, shift, scale, offset);
    addRows(kind, rows, 4, true, i, sums, products, x, dy, stride, shift, scale, offset);
    i += 32;
  }
  if (width & 16) {
    addRows(kind, rows, 4, false, i, sums, products, x, dy, stride, shift, scale, offset);
    i += 16;
  }
  const tail = <i32>((width & 15) >> 2);
  if (tail)
    addRows(kind, rows, tail, false, i, sums, products, x, dy, stride, shift, scale, offset);
}

/**
 * totals[0, j] = Σ u and totals[1, j] = Σ u·d over all rows, for channels [from, to). @inline
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
  scratch: usize, // [2, C] f32
): void {
  const stride = (<usize>c) << 2;
  const width = (<usize>(to - from)) << 2;
  const vectors = (width + 15) & ~15;
  const sums = at(scratch, from);
  const products = at(sums, padded(c));
  const total = totals + ((<usize>from) << 3);
  const totalProduct = total + ((<usize>padded(c)) << 3);
  const k = at(shift, from);
  const a = at(scale, from);
  const b = at(offset, from);
  let p = at(x, from);
  let q = at(dy, from);
  memory.fill(total, 0, 2 * vectors);
  memory.fill(totalProduct, 0, 2 * vectors);
  for (let first = 0; first < n; first += RUN) {
    const rows = min(RUN, n - first);
    memory.fill(sums, 0, vectors);
    memory.fill(products, 0, vectors);
    const end = p + <usize>rows * stride;
    const fours = p + <usize>(rows & ~3) * stride;
    while (p < fours) {
      addRowsAcross(kind, 4, width, sums, products, p, q, stride, k, a, b);
      p += 4 * stride;
      q += 4 * stride;
    }
    while (p < end) {
      addRowsAcross(kind, 1, width, sums, products, p, q, stride, k, a, b);
      p += stride;
      q += stride;
    }
    addToTotals(total, sums, vectors);
    addToTotals(totalProduct, products, vectors);
  }
}

/** total[j] += sum[j], float32 into float64; both blocks are padded to whole vectors. */
function addToTotals(total: usize, sum: usize, bytes: usize): void {
  const end = sum + bytes;
  while (sum < end) {
    const v = v128.load(sum);
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
      const d0 = f32x4.sub(v128.load(p), k);
      const t0 = term(kind, q, 4, false, d0, a, b);
      u0 = f32x4.add(u0, t0);
      v0 = madd(t0, d0, v0);
      const d1 = f32x4.sub(v128.load(p, 16), k);
      const t1 = term(kind, q + 16, 4, false, d1, a, b);
      u1 = f32x4.add(u1, t1);
      v1 = madd(t1, d1, v1);
      const d2 = f32x4.sub(v128.load(p, 32), k);
      const t2 = term(kind, q + 32, 4, false, d2, a, b);
      u2 = f32x4.add(u2, t2);
      v2 = madd(t2, d2, v2);
      const d3 = f32x4.sub(v128.load(p, 48), k);
      const t3 = term(kind, q + 48, 4, false, d3, a, b);
      u3 = f32x4.add(u3, t3);
      v3 = madd(t3, d3, v3);
      p += 64;
      q += 64;
    }
    while (p < most) {
      const d = f32x4.sub(v128.load(p), k);
      const t = term(kind, q, 4, false, d, a, b);
      u0 = f32x4.add(u0, t);
      v0 = madd(t, d, v0);
      p += 16;
      q += 16;
    }
    if (p < stop) {
      const count = <i32>((stop - p) >> 2);
      const d = v128.and(f32x4.sub(loadPartial(p, count), k), inside(count));
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
