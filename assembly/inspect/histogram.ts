import { at, lanesBelow, loadPartial } from '../lanes';
import { isFiniteBits } from './finite';

/**
 * Counts numbers in bins of equal width from `low` to `high`. Bin i holds low + i·w ≤ x < low + (i + 1)·w;
 * `high` itself is in the last bin. What is less than `low` is counted in counts[bins], what is more than
 * `high` in counts[bins + 1]; NaN and infinities are not counted. If low = high, all are in bin 0.
 */
export function histogram(
  counts: usize, // [bins + 2] i32
  x: usize, // [n] f32
  n: i32,
  low: f64,
  high: f64,
  bins: i32,
): void {
  memory.fill(counts, 0, (<usize>(bins + 2)) << 2);
  const scale = high > low ? <f64>bins / (high - low) : 0;
  const end = at(x, n);
  let p = x;
  while (p < end) {
    if (isFiniteBits(load<i32>(p))) {
      const v = <f64>load<f32>(p);
      let bin = bins;
      if (v >= low) bin = v > high ? bins + 1 : min(<i32>((v - low) * scale), bins - 1);
      const count = at(counts, bin);
      store<i32>(count, load<i32>(count) + 1);
    }
    p += 4;
  }
}

/** How many of n numbers are ≤ low or ≥ high. NaN is neither. */
export function countOutside(
  x: usize, // [n] f32
  n: i32,
  low: f32,
  high: f32,
): i32 {
  const l = f32x4.splat(low);
  const h = f32x4.splat(high);
  let sum = i32x4.splat(0);
  const rest = n & 3;
  const end = at(x, n - rest);
  let p = x;
  while (p < end) {
    sum = i32x4.sub(sum, outside(v128.load(p), l, h));
    p += 16;
  }
  if (rest) sum = i32x4.sub(sum, v128.and(outside(loadPartial(p, rest), l, h), lanesBelow(rest)));
  return (
    i32x4.extract_lane(sum, 0) +
    i32x4.extract_lane(sum, 1) +
    (i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3))
  );
}

/** @inline */
function outside(v: v128, low: v128, high: v128): v128 {
  return v128.or(f32x4.le(v, low), f32x4.ge(v, high));
}

/** y_i = x_{i·stride}: every stride-th number, a sample of many. */
export function everyNth(
  y: usize, // [count] f32
  x: usize, // [more than (count − 1)·stride] f32
  count: i32,
  stride: i32,
): void {
  const step = (<usize>stride) << 2;
  const end = at(y, count);
  let p = x;
  let q = y;
  while (q < end) {
    store<f32>(q, load<f32>(p));
    p += step;
    q += 4;
  }
}
