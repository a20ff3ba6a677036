/**
 * The piecewise linear activations without learnt parameters. Each gradient is computed from the output y: its
 * sign (and, for ReLU6, the cap) decides the slope, so x need not be kept. As in PyTorch a NaN passes forward,
 * and the slope at 0 is that of the left side.
 */
import {
  Activation,
  backward,
  backwardWith,
  forward,
  forwardWith,
  ParametricActivation,
  SHORT,
} from '../elementwise';

@unmanaged
class ReLU extends Activation {
  /** y = max(x, 0) */
  value(x: v128): v128 {
    return f32x4.pmax(x, f32x4.splat(0));
  }
  /** dx = dy where y > 0 (or NaN), else 0 */
  gradient(y: v128, dy: v128): v128 {
    return v128.andnot(dy, f32x4.le(y, f32x4.splat(0)));
  }
}

/** y = max(x, 0) for elements [from, to); y may be x. */
export function reluForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  forward<ReLU>(y, x, from, to, SHORT);
}

/** dx = dy where y > 0 (or NaN), else 0, for elements [from, to); dx may be dy or y. */
export function reluBackward(
  dx: usize, // [size] f32
  y: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  backward<ReLU>(dx, y, dy, from, to, SHORT);
}

@unmanaged
class ReLU6 extends Activation {
  /** y = min(max(x, 0), 6) */
  value(x: v128): v128 {
    return f32x4.pmin(f32x4.pmax(x, f32x4.splat(0)), f32x4.splat(6));
  }
  /** dx = dy where 0 < y < 6 (or y is NaN), else 0 */
  gradient(y: v128, dy: v128): v128 {
    const flat = v128.or(f32x4.le(y, f32x4.splat(0)), f32x4.ge(y, f32x4.splat(6)));
    return v128.andnot(dy, flat);
  }
}

/** y = min(max(x, 0), 6) for elements [from, to); y may be x. */
export function relu6Forward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  forward<ReLU6>(y, x, from, to, SHORT);
}

/** dx = dy where 0 < y < 6 (or y is NaN), else 0, for elements [from, to); dx may be dy or y. */
export function relu6Backward(
  dx: usize, // [size] f32
  y: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  backward<ReLU6>(dx, y, dy, from, to, SHORT);
}

@unmanaged
class LeakyReLU extends ParametricActivation {
  /** y = x where x > 0, else slope·x */
  value(x: v128, slope: v128): v128 {
    return leak(x, x, slope);
  }
  /** dx = dy where x > 0, else slope·dy */
  gradient(x: v128, dy: v128, slope: v128): v128 {
    return leak(x, dy, slope);
  }
}

/**
 * v where x > 0, else slope·v.
 * @inline
 */
export function leak(x: v128, v: v128, slope: v128): v128 {
  return v128.bitselect(v, f32x4.mul(v, slope), f32x4.gt(x, f32x4.splat(0)));
}

/** y = x where x > 0, else slope·x, for elements [from, to); y may be x. */
export function leakyReluForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  slope: f32,
  from: i32,
  to: i32,
): void {
  forwardWith<LeakyReLU>(slope, y, x, from, to, SHORT);
}

/**
 * dx = dy where x > 0, else slope·dy, for elements [from, to); dx may be dy or x. With slope ≥ 0 the
 * output has x's sign and may be passed for x.
 */
export function leakyReluBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32, or y if slope ≥ 0
  dy: usize, // [size] f32
  slope: f32,
  from: i32,
  to: i32,
): void {
  backwardWith<LeakyReLU>(slope, dx, x, dy, from, to, SHORT);
}
