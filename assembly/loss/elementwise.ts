/**
 * Regression losses, elementwise between prediction x and target t: squared, absolute and Huber's. A
 * forward returns the sum over [from, to); for a mean, the host divides it. A backward writes scale·∂L/∂x.
 */
import { ElementwiseLoss, lossGradient, SHORT, sumTerms } from '../elementwise';

@unmanaged
class SquaredError extends ElementwiseLoss {
  /** (x − t)² */
  term(x: v128, t: v128, a: v128): v128 {
    const d = f32x4.sub(x, t);
    return f32x4.mul(d, d);
  }
  /** scale·(x − t) */
  gradient(x: v128, t: v128, scale: v128, a: v128, b: v128): v128 {
    return f32x4.mul(scale, f32x4.sub(x, t));
  }
}

/** Σ (x − t)² over elements [from, to). */
export function mseForward(
  x: usize, // [size] f32
  t: usize, // [size] f32
  from: i32,
  to: i32,
): f64 {
  return sumTerms<SquaredError>(x, t, from, to, f32x4.splat(0), SHORT);
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
  const none = f32x4.splat(0);
  lossGradient<SquaredError>(dx, x, t, 2 * scale, from, to, none, none);
}

@unmanaged
class AbsoluteError extends ElementwiseLoss {
  /** |x − t| */
  term(x: v128, t: v128, a: v128): v128 {
    return f32x4.abs(f32x4.sub(x, t));
  }
  /** scale·sign(x − t): ±scale, and 0 where x = t or either is NaN */
  gradient(x: v128, t: v128, scale: v128, a: v128, b: v128): v128 {
    const d = f32x4.sub(x, t);
    const zero = f32x4.splat(0);
    const up = v128.and(scale, f32x4.gt(d, zero));
    return f32x4.sub(up, v128.and(scale, f32x4.lt(d, zero)));
  }
}

/** Σ |x − t| over elements [from, to). */
export function l1Forward(
  x: usize, // [size] f32
  t: usize, // [size] f32
  from: i32,
  to: i32,
): f64 {
  return sumTerms<AbsoluteError>(x, t, from, to, f32x4.splat(0), SHORT);
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
  const none = f32x4.splat(0);
  lossGradient<AbsoluteError>(dx, x, t, scale, from, to, none, none);
}

@unmanaged
class Huber extends ElementwiseLoss {
  /** ½·d² where |d| < δ, else δ·(|d| − ½·δ), d = x − t; a NaN passes */
  term(x: v128, t: v128, delta: v128): v128 {
    const d = f32x4.sub(x, t);
    const half = f32x4.splat(0.5);
    const a = f32x4.abs(d);
    const near = f32x4.mul(f32x4.mul(d, d), half);
    const far = f32x4.mul(delta, f32x4.sub(a, f32x4.mul(delta, half)));
    return v128.bitselect(near, far, f32x4.lt(a, delta));
  }
  /** scale·min(max(x − t, −δ), δ) */
  gradient(x: v128, t: v128, scale: v128, low: v128, high: v128): v128 {
    const d = f32x4.sub(x, t);
    return f32x4.mul(scale, f32x4.pmin(f32x4.pmax(d, low), high));
  }
}

/** Σ huber(x − t) over elements [from, to). */
export function huberForward(
  x: usize, // [size] f32
  t: usize, // [size] f32
  delta: f32,
  from: i32,
  to: i32,
): f64 {
  return sumTerms<Huber>(x, t, from, to, f32x4.splat(delta), SHORT);
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
  lossGradient<Huber>(dx, x, t, scale, from, to, f32x4.splat(-delta), f32x4.splat(delta));
}
