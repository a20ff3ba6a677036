/**
 * The piecewise activations that are flat on both sides: Hardtanh, whose special case is ReLU6, Hardsigmoid and
 * Hardswish. The slopes at the kinks are those of PyTorch: 0 at the flat sides.
 */
import { Activation, Binary, backward, forward, map, SHORT, Unary, zip } from '../elementwise';

@unmanaged
class Hardtanh extends Unary {
  /** y = min(max(x, low), high) */
  of(x: v128, low: v128, high: v128): v128 {
    return f32x4.pmin(f32x4.pmax(x, low), high);
  }
}

@unmanaged
class HardtanhGradient extends Binary {
  /** dx = dy where low < y < high (or y is NaN), else 0 */
  of(y: v128, dy: v128, low: v128, high: v128, c: v128): v128 {
    return v128.andnot(dy, v128.or(f32x4.le(y, low), f32x4.ge(y, high)));
  }
}

/** y = min(max(x, low), high) for elements [from, to); y may be x. */
export function hardtanhForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  low: f32,
  high: f32,
  from: i32,
  to: i32,
): void {
  map<Hardtanh>(y, x, from, to, f32x4.splat(low), f32x4.splat(high), SHORT);
}

/** dx = dy where low < y < high (or y is NaN), else 0, for elements [from, to); dx may be dy or y. */
export function hardtanhBackward(
  dx: usize, // [size] f32
  y: usize, // [size] f32
  dy: usize, // [size] f32
  low: f32,
  high: f32,
  from: i32,
  to: i32,
): void {
  const a = f32x4.splat(low);
  zip<HardtanhGradient>(dx, y, dy, from, to, a, f32x4.splat(high), a, SHORT);
}

/**
 * min(max(x + 3, 0), 6)
 * @inline
 */
function ramp(x: v128): v128 {
  const shifted = f32x4.add(x, f32x4.splat(3));
  return f32x4.pmin(f32x4.pmax(shifted, f32x4.splat(0)), f32x4.splat(6));
}

@unmanaged
class Hardsigmoid extends Activation {
  /** y = min(max(x + 3, 0), 6) / 6 */
  value(x: v128): v128 {
    return f32x4.div(ramp(x), f32x4.splat(6));
  }
  /** dx = dy / 6 where −3 < x < 3, else 0 */
  gradient(x: v128, dy: v128): v128 {
    const inside = v128.and(f32x4.gt(x, f32x4.splat(-3)), f32x4.lt(x, f32x4.splat(3)));
    return v128.and(f32x4.div(dy, f32x4.splat(6)), inside);
  }
}

/** y = min(max(x + 3, 0), 6) / 6 for elements [from, to); y may be x. */
export function hardsigmoidForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  forward<Hardsigmoid>(y, x, from, to, SHORT);
}

/** dx = dy / 6 where −3 < x < 3, else 0, for elements [from, to); dx may be dy or x. */
export function hardsigmoidBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  backward<Hardsigmoid>(dx, x, dy, from, to, SHORT);
}

@unmanaged
class Hardswish extends Activation {
  /** y = x·min(max(x + 3, 0), 6) / 6 */
  value(x: v128): v128 {
    return f32x4.mul(x, f32x4.div(ramp(x), f32x4.splat(6)));
  }
  /** dx = 0 where x ≤ −3, dy·(x / 3 + ½) where x < 3, else dy */
  gradient(x: v128, dy: v128): v128 {
    const slope = f32x4.add(f32x4.div(x, f32x4.splat(3)), f32x4.splat(0.5));
    const right = v128.bitselect(f32x4.mul(dy, slope), dy, f32x4.lt(x, f32x4.splat(3)));
    return v128.andnot(right, f32x4.le(x, f32x4.splat(-3)));
  }
}

/** y = x·min(max(x + 3, 0), 6) / 6 for elements [from, to); y may be x. */
export function hardswishForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  forward<Hardswish>(y, x, from, to, SHORT);
}

/**
 * dx = 0 where x ≤ −3, dy·(x / 3 + ½) where x < 3, else dy, for elements [from, to); dx may be dy or x.
 */
export function hardswishBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  backward<Hardswish>(dx, x, dy, from, to, SHORT);
}
