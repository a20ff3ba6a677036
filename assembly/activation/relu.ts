/**
 * ReLU and LeakyReLU. The gradient is computed from the output y, whose sign decides the slope, so x need not be
 * kept. As in PyTorch a NaN passes forward, and the slope at 0 is that of the left side.
 */
import { Activation, Binary, backward, forward, map, SHORT, Unary, zip } from '../elementwise';

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
class LeakyReLU extends Unary {
  /** y = x where x > t, else slope·(x − t) */
  of(x: v128, slope: v128, t: v128): v128 {
    const below = f32x4.mul(f32x4.sub(x, t), slope);
    return v128.bitselect(x, below, f32x4.gt(x, t));
  }
}

@unmanaged
class LeakyReLUGradient extends Binary {
  /** dx = dy where x > t, else slope·dy */
  of(x: v128, dy: v128, slope: v128, t: v128, c: v128): v128 {
    return v128.bitselect(dy, f32x4.mul(dy, slope), f32x4.gt(x, t));
  }
}

/**
 * v where x > 0, else slope·v.
 * @inline
 */
export function leak(x: v128, v: v128, slope: v128): v128 {
  return v128.bitselect(v, f32x4.mul(v, slope), f32x4.gt(x, f32x4.splat(0)));
}

/** y = x where x > threshold, else slope·(x − threshold), for elements [from, to); y may be x. */
export function leakyReluForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  slope: f32,
  threshold: f32,
  from: i32,
  to: i32,
): void {
  map<LeakyReLU>(y, x, from, to, f32x4.splat(slope), f32x4.splat(threshold), SHORT);
}

/**
 * dx = dy where x > threshold, else slope·dy, for elements [from, to); dx may be dy or x. With slope ≥ 0 and
 * the threshold 0 the output has x's sign and may be passed for x.
 */
export function leakyReluBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32, or y if slope ≥ 0 and threshold = 0
  dy: usize, // [size] f32
  slope: f32,
  threshold: f32,
  from: i32,
  to: i32,
): void {
  const a = f32x4.splat(slope);
  zip<LeakyReLUGradient>(dx, x, dy, from, to, a, f32x4.splat(threshold), a, SHORT);
}
