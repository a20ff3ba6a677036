import { at, lanesBelow, loadPartial, loadUpTo, madd, sumLanes } from '../lanes';
import { finiteLanes } from './finite';

/** A tensor [rows, units, inner]: a unit is a feature or channel, seen `rows`·`inner` times. */
@unmanaged
export class UnitShape {
  rows: i32;
  units: i32;
  /** Neighbouring numbers of the same unit: the area of a plane, or 1 if the units are the last axis. */
  inner: i32;
}

/** The moments of a unit: [5] f64, its finite numbers' count n, mean, Σ(x − mean)², least and largest. */
export type Moments = usize;

/** Numbers of a unit that are added in float32, in lanes, before their sums go to float64. */
const BLOCK: i32 = 1024;
/** The same for units that are the last axis, whose lanes are units. */
const ROWS: i32 = 256;

/**
 * Count, mean, Σ(x − mean)², least and largest of the finite numbers of each unit in [from, to). A unit
 * without finite numbers has 0, 0, 0, ∞ and −∞.
 *
 * Of each block the mean K comes first, rounded to float32, then with d = x − K
 *
 *   mean = K + Σd/n      Σ(x − mean)² = Σd² − (Σd)²/n
 *
 * while the block is in the cache. Blocks are merged in order, in float64 (Chan, Golub and LeVeque, 1983):
 *
 *   mean ← mean + δ·n₂/n      S ← S + S₂ + δ²·n₁·n₂/n      with δ = mean₂ − mean and n = n₁ + n₂
 */
export function unitMoments(
  moments: Moments, // [units, 5] f64
  x: usize, // [rows, units, inner] f32
  shape: UnitShape,
  from: i32,
  to: i32,
): void {
  const rows = shape.rows;
  const units = shape.units;
  const inner = shape.inner;
  for (let unit = from; unit < to; unit++) clear(momentsOf(moments, unit));
  if (inner == 1) {
    const stride = (<usize>units) << 2;
    for (let row = 0; row < rows; row += ROWS) {
      const start = x + <usize>row * stride;
      const count = min(ROWS, rows - row);
      const whole = from + ((to - from) & ~3);
      for (let unit = from; unit < whole; unit += 4) {
        addColumns(momentsOf(moments, unit), at(start, unit), count, stride);
      }
      if (whole < to) {
        const rest = to - whole;
        addMaskedColumns(momentsOf(moments, whole), at(start, whole), count, stride, rest);
      }
    }
    return;
  }
  for (let row = 0; row < rows; row++) {
    for (let unit = from; unit < to; unit++) {
      const plane = x + (((<usize>row * <usize>units + <usize>unit) * <usize>inner) << 2);
      for (let i = 0; i < inner; i += BLOCK) {
        addBlock(momentsOf(moments, unit), at(plane, i), min(BLOCK, inner - i));
      }
    }
  }
}

/** @inline */
function momentsOf(moments: Moments, unit: i32): usize {
  return moments + <usize>unit * 40;
}

function clear(moments: usize): void {
  store<f64>(moments, 0);
  store<f64>(moments, 0, 8);
  store<f64>(moments, 0, 16);
  store<f64>(moments, Infinity, 24);
  store<f64>(moments, -Infinity, 32);
}

/*
 * Nearly all blocks hold finite numbers only, which needs half as many instructions: a block is added as if
 * it did, and again with masks if its sum says otherwise. A sum is finite only if all its numbers are.
 */

/** Adds n neighbouring numbers to the moments of their unit. */
function addBlock(moments: usize, x: usize, n: i32): void {
  const rest = n & 3;
  const end = at(x, n - rest);
  let sum = f32x4.splat(0);
  let low = f32x4.splat(Infinity);
  let high = f32x4.splat(-Infinity);
  let tail = sum;
  let tailMask = sum;
  if (rest) {
    // Lanes beyond the tail are left out, and so are numbers that are not finite.
    tail = loadPartial(end, rest);
    tailMask = lanesBelow(rest);
    sum = tail;
    low = v128.bitselect(tail, low, tailMask);
    high = v128.bitselect(tail, high, tailMask);
  }
  let p = x;
  while (p < end) {
    const v = v128.load(p);
    sum = f32x4.add(sum, v);
    low = f32x4.pmin(low, v);
    high = f32x4.pmax(high, v);
    p += 16;
  }
  const total = sumLanes(sum);
  if (!(abs<f32>(total) < Infinity)) {
    addMasked(moments, x, n);
    return;
  }
  const mean = total / <f32>n;
  const k = f32x4.splat(mean);
  let d = v128.and(f32x4.sub(tail, k), tailMask);
  let first = d;
  let second = f32x4.mul(d, d);
  p = x;
  while (p < end) {
    d = f32x4.sub(v128.load(p), k);
    first = f32x4.add(first, d);
    second = madd(d, d, second);
    p += 16;
  }
  const s1 = <f64>sumLanes(first);
  const s2 = <f64>sumLanes(second);
  merge(moments, <f64>n, <f64>mean, s1, s2, <f64>leastLane(low), <f64>greatestLane(high));
}

/** Adds the finite ones of n neighbouring numbers. */
function addMasked(moments: usize, x: usize, n: i32): void {
  let sum = f32x4.splat(0);
  let counts = sum;
  let low = f32x4.splat(Infinity);
  let high = f32x4.splat(-Infinity);
  for (let i = 0; i < n; i += 4) {
    const v = loadUpTo(at(x, i), n - i);
    const mask = v128.and(finiteLanes(v), lanesBelow(n - i));
    sum = f32x4.add(sum, v128.and(v, mask));
    counts = i32x4.sub(counts, mask);
    low = f32x4.pmin(low, v128.bitselect(v, low, mask));
    high = f32x4.pmax(high, v128.bitselect(v, high, mask));
  }
  const count = sumLanes(f32x4.convert_i32x4_s(counts)); // at most BLOCK, so exact
  const mean = sumLanes(sum) / max<f32>(count, 1);
  const k = f32x4.splat(mean);
  let first = f32x4.splat(0);
  let second = first;
  for (let i = 0; i < n; i += 4) {
    const v = loadUpTo(at(x, i), n - i);
    const mask = v128.and(finiteLanes(v), lanesBelow(n - i));
    const d = v128.and(f32x4.sub(v, k), mask);
    first = f32x4.add(first, d);
    second = madd(d, d, second);
  }
  const s1 = <f64>sumLanes(first);
  const s2 = <f64>sumLanes(second);
  merge(moments, <f64>count, <f64>mean, s1, s2, <f64>leastLane(low), <f64>greatestLane(high));
}

function leastLane(v: v128): f32 {
  return min(
    min(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    min(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

function greatestLane(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

/** Adds `rows` numbers of each of four neighbouring units, a unit a lane. */
function addColumns(moments: usize, x: usize, rows: i32, stride: usize): void {
  let sum = f32x4.splat(0);
  let low = f32x4.splat(Infinity);
  let high = f32x4.splat(-Infinity);
  const end = x + <usize>rows * stride;
  let p = x;
  while (p < end) {
    const v = v128.load(p);
    sum = f32x4.add(sum, v);
    low = f32x4.pmin(low, v);
    high = f32x4.pmax(high, v);
    p += stride;
  }
  if (!i32x4.all_true(finiteLanes(sum))) {
    addMaskedColumns(moments, x, rows, stride, 4);
    return;
  }
  const count = f32x4.splat(<f32>rows);
  const mean = f32x4.div(sum, count);
  let first = f32x4.splat(0);
  let second = first;
  p = x;
  while (p < end) {
    const d = f32x4.sub(v128.load(p), mean);
    first = f32x4.add(first, d);
    second = madd(d, d, second);
    p += stride;
  }
  mergeLanes(moments, 4, count, mean, first, second, low, high);
}

/** Adds the finite ones of `rows` numbers of each of up to four neighbouring units. */
function addMaskedColumns(moments: usize, x: usize, rows: i32, stride: usize, units: i32): void {
  let sum = f32x4.splat(0);
  let counts = sum;
  let low = f32x4.splat(Infinity);
  let high = f32x4.splat(-Infinity);
  const end = x + <usize>rows * stride;
  let p = x;
  while (p < end) {
    const v = loadUpTo(p, units);
    const mask = finiteLanes(v);
    sum = f32x4.add(sum, v128.and(v, mask));
    counts = i32x4.sub(counts, mask);
    low = f32x4.pmin(low, v128.bitselect(v, low, mask));
    high = f32x4.pmax(high, v128.bitselect(v, high, mask));
    p += stride;
  }
  const count = f32x4.convert_i32x4_s(counts);
  const mean = f32x4.div(sum, f32x4.pmax(count, f32x4.splat(1)));
  let first = f32x4.splat(0);
  let second = first;
  p = x;
  while (p < end) {
    const v = loadUpTo(p, units);
    const d = v128.and(f32x4.sub(v, mean), finiteLanes(v));
    first = f32x4.add(first, d);
    second = madd(d, d, second);
    p += stride;
  }
  mergeLanes(moments, units, count, mean, first, second, low, high);
}

/** Merges the lanes of a block into the moments of their units. */
function mergeLanes(
  moments: usize,
  units: i32,
  count: v128,
  mean: v128,
  first: v128,
  second: v128,
  low: v128,
  high: v128,
): void {
  for (let i = 0; i < units; i++) {
    merge(
      momentsOf(moments, i),
      <f64>lane(count, i),
      <f64>lane(mean, i),
      <f64>lane(first, i),
      <f64>lane(second, i),
      <f64>lane(low, i),
      <f64>lane(high, i),
    );
  }
}

function lane(v: v128, i: i32): f32 {
  if (i == 0) return f32x4.extract_lane(v, 0);
  if (i == 1) return f32x4.extract_lane(v, 1);
  return i == 2 ? f32x4.extract_lane(v, 2) : f32x4.extract_lane(v, 3);
}

/** Merges a block of n numbers, given by K, Σd and Σd², into the moments of its unit. */
function merge(
  moments: usize, // [5] f64, updated
  n: f64,
  k: f64,
  first: f64,
  second: f64,
  low: f64,
  high: f64,
): void {
  if (n == 0) return;
  const before = load<f64>(moments);
  const mean = load<f64>(moments, 8);
  const all = before + n;
  const delta = k + first / n - mean;
  const scatter = second - first * (first / n);
  store<f64>(moments, all);
  store<f64>(moments, mean + delta * (n / all), 8);
  store<f64>(
    moments,
    load<f64>(moments, 16) + max<f64>(scatter, 0) + delta * delta * ((before * n) / all),
    16,
  );
  // + 0 makes a −0 positive, which of equal numbers is the least in any order.
  store<f64>(moments, min(load<f64>(moments, 24), low + 0), 24);
  store<f64>(moments, max(load<f64>(moments, 32), high + 0), 32);
}
