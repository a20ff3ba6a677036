/**
 * The sums of masked batch norm (batchnorm/masked.ts), over the m positions of a channel that count:
 *
 *   δ = Σd/m      var = Σd²/m − δ²      and in the gradient      Σ dy      Σ dy·d
 */

import { at, loadUpTo, madd, sumLanes, widenHigh, widenLow } from '../lanes';
import { padded } from './equations';

/** Channels of a block of rows: K and both sums of so many stay in the first-level cache. */
const BLOCK = 1024;
/** Floats from one block of sums to the next. */
const APART = 1040;
/** Fours of rows, or vectors of a plane, that a float32 lane adds up before float64 takes over. */
const RUN = 64;

/**
 * Statistics of channels [from, to) over the m positions that count. As batchNormStatistics, but K is
 * the median of three samples, and 0 only where that is not finite.
 */
export function batchNormMaskedStatistics(
  shift: usize, // [c] f32, K
  delta: usize, // [c] f32, δ
  invStd: usize, // [c] f32
  variance: usize, // [c] f32, over m
  x: usize, // [n, c, s] f32, or with s = 0 [n, c]
  mask: usize, // [n, s] f32, or with s = 0 [n]
  n: i32,
  c: i32,
  s: i32,
  m: i32,
  eps: f32,
  from: i32,
  to: i32,
  totals: usize, // [2, C] f64, scratch; C = c rounded up to 16
  sums: usize, // [2, APART] f32, scratch
): void {
  const size = n * max(s, 1);
  const o0 = sampleOffset(mask, size, c, s, size / 6);
  const o1 = sampleOffset(mask, size, c, s, size / 2);
  const o2 = sampleOffset(mask, size, c, s, size - 1 - size / 6);
  const channel = (<usize>max(s, 1)) << 2;
  for (let j = from; j < to; j++) {
    const p = x + <usize>j * channel;
    const k0 = f32.load(p + o0);
    const k1 = f32.load(p + o1);
    const k = max(min(k0, k1), min(max(k0, k1), f32.load(p + o2)));
    f32.store(at(shift, j), abs(k) < Infinity ? k : 0);
  }
  addUp(false, totals, shift, x, x, mask, n, c, s, from, to, sums);
  if (!finish(shift, delta, invStd, variance, totals, <f64>m, c, eps, from, to, true)) return;
  addUp(false, totals, shift, x, x, mask, n, c, s, from, to, sums);
  finish(shift, delta, invStd, variance, totals, <f64>m, c, eps, from, to, false);
}

/** Byte offset, within a channel, of the next position from `start` on that counts, around the end. */
function sampleOffset(mask: usize, size: i32, c: i32, s: i32, start: i32): usize {
  let position = start;
  while (f32.load(at(mask, position)) == 0) {
    position++;
    if (position == size) position = 0;
  }
  if (!s) return (<usize>position * <usize>c) << 2;
  return (<usize>(position / s) * <usize>c * <usize>s + <usize>(position % s)) << 2;
}

/**
 * Totals → δ, var, invStd of channels [from, to). On the first call a channel whose K lay more than four
 * standard deviations off the mean gets K + δ; returns whether there was one.
 */
function finish(
  shift: usize, // [c] f32, in and out
  delta: usize, // [c] f32
  invStd: usize, // [c] f32
  variance: usize, // [c] f32
  totals: usize, // [2, C] f64
  m: f64,
  c: i32,
  eps: f32,
  from: i32,
  to: i32,
  first: bool,
): bool {
  const products = (<usize>padded(c)) << 3;
  let moved: bool = false;
  for (let j = from; j < to; j++) {
    const total = totals + ((<usize>j) << 3);
    const d = f64.load(total) / m;
    const spread = f64.load(total + products) / m - d * d;
    const v = spread < 0 ? 0 : spread; // NaN stays
    f32.store(at(delta, j), <f32>d);
    f32.store(at(variance, j), <f32>v);
    f32.store(at(invStd, j), <f32>(1 / sqrt(v + <f64>eps)));
    if (first && d * d > 16 * v) {
      f32.store(at(shift, j), <f32>(<f64>f32.load(at(shift, j)) + d));
      moved = true;
    }
  }
  return moved;
}

/**
 * totals[0, j] = Σ dy and totals[1, j] = Σ dy·(x − K) for channels [from, to), where the mask is not 0.
 */
export function batchNormMaskedBackwardSums(
  totals: usize, // [2, C] f64; C = c rounded up to 16
  shift: usize, // [c] f32, K
  dy: usize, // [n, c, s] f32, or with s = 0 [n, c]
  x: usize, // as dy
  mask: usize, // [n, s] f32, or with s = 0 [n]
  n: i32,
  c: i32,
  s: i32,
  from: i32,
  to: i32,
  sums: usize, // [2, APART] f32, scratch
): void {
  addUp(true, totals, shift, dy, x, mask, n, c, s, from, to, sums);
}

/**
 * Σ u and Σ u·d, with u = dy in the gradient and u = d in the statistics. @inline
 */
function addUp(
  gradient: bool,
  totals: usize,
  shift: usize,
  dy: usize,
  x: usize,
  mask: usize,
  n: i32,
  c: i32,
  s: i32,
  from: i32,
  to: i32,
  sums: usize,
): void {
  const products = (<usize>padded(c)) << 3;
  const total = totals + ((<usize>from) << 3);
  const bytes = (<usize>((to - from + 3) & ~3)) << 3;
  memory.fill(total, 0, bytes);
  memory.fill(total + products, 0, bytes);
  if (s) {
    const plane = (<usize>s) << 2;
    for (let i = 0; i < n; i++) {
      const m = mask + <usize>i * plane;
      const first = firstOf(m, s);
      const last = lastOf(m, s);
      const skip = (<usize>first) << 2;
      const run = (<usize>(last - first)) << 2;
      const solid = isSolid(m, first, last);
      let o = (<usize>i * <usize>c + <usize>from) * plane + skip;
      for (let j = from; j < to; j++) {
        const t = totals + ((<usize>j) << 3);
        const k = v128.load32_splat(at(shift, j));
        if (solid) addPlane(gradient, true, t, t + products, k, dy + o, x + o, m, run);
        else addPlane(gradient, false, t, t + products, k, dy + o, x + o, m + skip, run);
        o += plane;
      }
    }
    return;
  }
  for (let block = from; block < to; block += BLOCK) {
    const width = min(BLOCK, to - block);
    const o = at(0, block);
    const t = totals + ((<usize>block) << 3);
    addRows(gradient, t, t + products, shift + o, dy + o, x + o, mask, n, c, width, sums);
  }
}

/** The first of s positions that counts; s where none does. */
export function firstOf(mask: usize, s: i32): i32 {
  let i = 0;
  while (i < s && f32.load(at(mask, i)) == 0) i++;
  return i;
}

/** One more than the last of s positions that counts; s where none does. */
export function lastOf(mask: usize, s: i32): i32 {
  let i = s;
  while (i > 0 && f32.load(at(mask, i - 1)) == 0) i--;
  return i ? i : s;
}

/** Whether all positions in [first, last) count: there is padding before and behind alone. */
export function isSolid(mask: usize, first: i32, last: i32): bool {
  let i = first;
  while (i + 4 <= last) {
    if (!i32x4.all_true(counts(v128.load(at(mask, i))))) return false;
    i += 4;
  }
  while (i < last) {
    if (f32.load(at(mask, i)) == 0) return false;
    i++;
  }
  return true;
}

/**
 * Adds one plane's sums to the totals; `solid`: all of it counts. @inline
 */
function addPlane(
  gradient: bool,
  solid: bool,
  total: usize, // [1] f64
  totalProduct: usize, // [1] f64
  k: v128,
  dy: usize,
  x: usize,
  mask: usize,
  bytes: usize,
): void {
  const end = x + bytes;
  const whole = x + (bytes & ~31);
  let sum: f64 = 0;
  let product: f64 = 0;
  while (x < whole) {
    const stop = min(x + RUN * 32, whole);
    let u0 = f32x4.splat(0);
    let u1 = u0;
    let v0 = u0;
    let v1 = u0;
    while (x < stop) {
      let d0 = f32x4.sub(v128.load(x), k);
      let d1 = f32x4.sub(v128.load(x, 16), k);
      let t0 = gradient ? v128.load(dy) : d0;
      let t1 = gradient ? v128.load(dy, 16) : d1;
      if (!solid) {
        const m0 = counts(v128.load(mask));
        const m1 = counts(v128.load(mask, 16));
        d0 = v128.and(d0, m0);
        d1 = v128.and(d1, m1);
        t0 = gradient ? v128.and(t0, m0) : d0;
        t1 = gradient ? v128.and(t1, m1) : d1;
      }
      u0 = f32x4.add(u0, t0);
      u1 = f32x4.add(u1, t1);
      v0 = madd(t0, d0, v0);
      v1 = madd(t1, d1, v1);
      x += 32;
      dy += 32;
      mask += 32;
    }
    sum += <f64>sumLanes(f32x4.add(u0, u1));
    product += <f64>sumLanes(f32x4.add(v0, v1));
  }
  const shift = f32x4.extract_lane(k, 0);
  while (x < end) {
    if (solid || f32.load(mask) != 0) {
      const d = <f64>(f32.load(x) - shift);
      const t = gradient ? <f64>f32.load(dy) : d;
      sum += t;
      product += t * d;
    }
    x += 4;
    dy += 4;
    mask += 4;
  }
  f64.store(total, f64.load(total) + sum);
  f64.store(totalProduct, f64.load(totalProduct) + product);
}

/**
 * All ones where a mask is not 0.
 * @inline
 */
export function counts(mask: v128): v128 {
  return f32x4.ne(mask, f32x4.splat(0));
}

/**
 * Adds the sums of `width` channels over the rows that count, four of these at a time. @inline
 */
function addRows(
  gradient: bool,
  total: usize, // [width] f64
  totalProduct: usize, // [width] f64
  shift: usize,
  dy: usize,
  x: usize,
  mask: usize,
  n: i32,
  c: i32,
  width: i32,
  sums: usize, // [2, APART] f32
): void {
  const row = (<usize>c) << 2;
  let i = 0;
  while (i < n) {
    memory.fill(sums, 0, 2 * APART * 4);
    for (let run = 0; run < RUN && i < n; run++) {
      let r0: usize = 0;
      let r1: usize = 0;
      let r2: usize = 0;
      let found = 0;
      for (; i < n; i++) {
        if (f32.load(at(mask, i)) == 0) continue;
        const r = <usize>i * row;
        if (found == 0) r0 = r;
        else if (found == 1) r1 = r;
        else if (found == 2) r2 = r;
        else {
          addRow(gradient, 4, shift, dy, x, r0, r1, r2, r, width, sums);
          found = 0;
          i++;
          break;
        }
        found++;
      }
      // what is left when the rows are at an end
      if (found > 0) addRow(gradient, 1, shift, dy, x, r0, 0, 0, 0, width, sums);
      if (found > 1) addRow(gradient, 1, shift, dy, x, r1, 0, 0, 0, width, sums);
      if (found > 2) addRow(gradient, 1, shift, dy, x, r2, 0, 0, 0, width, sums);
    }
    for (let j = 0; j < width; j += 4) {
      const u = v128.load(at(sums, j));
      const v = v128.load(at(sums + APART * 4, j));
      const t = total + ((<usize>j) << 3);
      const q = totalProduct + ((<usize>j) << 3);
      v128.store(t, f64x2.add(v128.load(t), widenLow(u)));
      v128.store(t, f64x2.add(v128.load(t, 16), widenHigh(u)), 16);
      v128.store(q, f64x2.add(v128.load(q), widenLow(v)));
      v128.store(q, f64x2.add(v128.load(q, 16), widenHigh(v)), 16);
    }
  }
}

/**
 * Adds four rows, or one, to the sums of `width` channels; four meet each other first. @inline
 */
function addRow(
  gradient: bool,
  rows: i32,
  shift: usize,
  dy: usize,
  x: usize,
  r0: usize,
  r1: usize,
  r2: usize,
  r3: usize,
  width: i32,
  sums: usize, // [2, APART] f32
): void {
  const end = at(x, width & ~3);
  while (x < end) {
    addLanes(gradient, rows, shift, dy, x, r0, r1, r2, r3, 4, sums);
    shift += 16;
    dy += 16;
    x += 16;
    sums += 16;
  }
  if (width & 3) addLanes(gradient, rows, shift, dy, x, r0, r1, r2, r3, width & 3, sums);
}

/** @inline */
function addLanes(
  gradient: bool,
  rows: i32,
  shift: usize,
  dy: usize,
  x: usize,
  r0: usize,
  r1: usize,
  r2: usize,
  r3: usize,
  count: i32,
  sums: usize,
): void {
  const k = loadUpTo(shift, count);
  const d0 = f32x4.sub(loadUpTo(x + r0, count), k);
  const t0 = gradient ? loadUpTo(dy + r0, count) : d0;
  let u = t0;
  let v = f32x4.mul(t0, d0);
  if (rows == 4) {
    const d1 = f32x4.sub(loadUpTo(x + r1, count), k);
    const t1 = gradient ? loadUpTo(dy + r1, count) : d1;
    const d2 = f32x4.sub(loadUpTo(x + r2, count), k);
    const t2 = gradient ? loadUpTo(dy + r2, count) : d2;
    const d3 = f32x4.sub(loadUpTo(x + r3, count), k);
    const t3 = gradient ? loadUpTo(dy + r3, count) : d3;
    u = f32x4.add(f32x4.add(u, t1), f32x4.add(t2, t3));
    v = f32x4.add(madd(t1, d1, v), madd(t3, d3, f32x4.mul(t2, d2)));
  }
  v128.store(sums, f32x4.add(v128.load(sums), u));
  v128.store(sums, f32x4.add(v128.load(sums, APART * 4), v), APART * 4);
}
