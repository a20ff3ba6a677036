/**
 * Regression losses, elementwise between prediction x and target t: squared, absolute and Huber's.
 * A forward returns the sum over [from, to), each term in float32, added up in float64 in a fixed
 * order; a mean divides on the host. A backward writes scale·∂/∂x.
 */
import { at, loadUpTo, storeUpTo, widenHigh, widenLow } from '../lanes';

/**
 * sum + v's four lanes, as two float64 sums.
 * @inline
 */
export function addWide(sum: v128, v: v128): v128 {
  return f64x2.add(sum, f64x2.add(widenLow(v), widenHigh(v)));
}

/** @inline */
export function sumWide(sum: v128): f64 {
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/**
 * x − t at up to four elements from i; absent lanes are 0.
 * @inline
 */
function difference(x: usize, t: usize, i: i32, count: i32): v128 {
  return f32x4.sub(loadUpTo(at(x, i), count), loadUpTo(at(t, i), count));
}

/** Σ (x − t)² over elements [from, to). */
export function mseForward(
  x: usize, // [size] f32
  t: usize, // [size] f32
  from: i32,
  to: i32,
): f64 {
  let sum = f64x2.splat(0);
  for (let i = from; i < to; i += 4) {
    const d = difference(x, t, i, to - i);
    sum = addWide(sum, f32x4.mul(d, d));
  }
  return sumWide(sum);
}

/** dx = scale·2·(x − t) for elements [from, to); dx may be x or t. */
export function mseBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  t: usize, // [size] f32
  scale: f64,
  from: i32,
  to: i32,
): void {
  const factor = f32x4.splat(<f32>(2 * scale));
  for (let i = from; i < to; i += 4) {
    const count = to - i;
    const d = difference(x, t, i, count);
    storeUpTo(at(dx, i), f32x4.mul(factor, d), count);
  }
}

/** Σ |x − t| over elements [from, to). */
export function l1Forward(
  x: usize, // [size] f32
  t: usize, // [size] f32
  from: i32,
  to: i32,
): f64 {
  let sum = f64x2.splat(0);
  for (let i = from; i < to; i += 4) {
    const d = difference(x, t, i, to - i);
    sum = addWide(sum, f32x4.abs(d));
  }
  return sumWide(sum);
}

/**
 * scale·sign(d): ±scale, and 0 where d is 0 or NaN.
 * @inline
 */
function signed(d: v128, scale: v128): v128 {
  const zero = f32x4.splat(0);
  const up = v128.and(scale, f32x4.gt(d, zero));
  return f32x4.sub(up, v128.and(scale, f32x4.lt(d, zero)));
}

/** dx = scale·sign(x − t) for elements [from, to), 0 where they are equal; dx may be x or t. */
export function l1Backward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  t: usize, // [size] f32
  scale: f64,
  from: i32,
  to: i32,
): void {
  const factor = f32x4.splat(<f32>scale);
  for (let i = from; i < to; i += 4) {
    const count = to - i;
    const d = difference(x, t, i, count);
    storeUpTo(at(dx, i), signed(d, factor), count);
  }
}

/**
 * ½·d² where |d| < δ, else δ·(|d| − ½·δ); a NaN passes.
 * @inline
 */
function huber(d: v128, delta: v128): v128 {
  const half = f32x4.splat(0.5);
  const a = f32x4.abs(d);
  const near = f32x4.mul(f32x4.mul(d, d), half);
  const far = f32x4.mul(delta, f32x4.sub(a, f32x4.mul(delta, half)));
  return v128.bitselect(near, far, f32x4.lt(a, delta));
}

/** Σ huber(x − t) over elements [from, to). */
export function huberForward(
  x: usize, // [size] f32
  t: usize, // [size] f32
  delta: f32,
  from: i32,
  to: i32,
): f64 {
  const width = f32x4.splat(delta);
  let sum = f64x2.splat(0);
  for (let i = from; i < to; i += 4) {
    const d = difference(x, t, i, to - i);
    sum = addWide(sum, huber(d, width));
  }
  return sumWide(sum);
}

/** dx = scale·min(max(x − t, −δ), δ) for elements [from, to); dx may be x or t. */
export function huberBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  t: usize, // [size] f32
  delta: f32,
  scale: f64,
  from: i32,
  to: i32,
): void {
  const high = f32x4.splat(delta);
  const low = f32x4.splat(-delta);
  const factor = f32x4.splat(<f32>scale);
  for (let i = from; i < to; i += 4) {
    const count = to - i;
    const d = difference(x, t, i, count);
    storeUpTo(at(dx, i), f32x4.mul(factor, f32x4.pmin(f32x4.pmax(d, low), high)), count);
  }
}
