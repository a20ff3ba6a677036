/**
 * Functions of one tensor, element by element, that are no activations, and gradients of those that are. At a
 * kink the slope is PyTorch's.
 */
import {
  Activation,
  Binary,
  backward,
  combine,
  forward,
  map,
  SHORT,
  Unary,
  zip,
} from '../elementwise';

@unmanaged
class Abs extends Activation {
  /** y = |x| */
  value(x: v128): v128 {
    return f32x4.abs(x);
  }
  /** dx = dy·sign(x), 0 at 0, */
  gradient(x: v128, dy: v128): v128 {
    const zero = f32x4.splat(0);
    const left = v128.and(f32x4.neg(dy), f32x4.lt(x, zero));
    return v128.or(left, v128.and(dy, f32x4.gt(x, zero)));
  }
}

/** y = |x| for elements [from, to); y may be x. */
export function absForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  forward<Abs>(y, x, from, to, SHORT);
}

/** dx = dy·sign(x), 0 at 0, for elements [from, to); dx may be dy or x. */
export function absBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  backward<Abs>(dx, x, dy, from, to, SHORT);
}

@unmanaged
class Square extends Activation {
  /** y = x² */
  value(x: v128): v128 {
    return f32x4.mul(x, x);
  }
  /** dx = 2·x·dy */
  gradient(x: v128, dy: v128): v128 {
    return f32x4.mul(f32x4.add(dy, dy), x);
  }
}

/** y = x² for elements [from, to); y may be x. */
export function squareForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  forward<Square>(y, x, from, to, SHORT);
}

/** dx = 2·x·dy for elements [from, to); dx may be dy or x. */
export function squareBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  backward<Square>(dx, x, dy, from, to, SHORT);
}

@unmanaged
class Sqrt extends Activation {
  /** y = √x */
  value(x: v128): v128 {
    return f32x4.sqrt(x);
  }
  /** dx = dy / 2y */
  gradient(y: v128, dy: v128): v128 {
    return f32x4.div(dy, f32x4.add(y, y));
  }
}

/** y = √x for elements [from, to); y may be x. */
export function sqrtForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  forward<Sqrt>(y, x, from, to, SHORT);
}

/** dx = dy / 2y for elements [from, to); dx may be dy or y. */
export function sqrtBackward(
  dx: usize, // [size] f32
  y: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  backward<Sqrt>(dx, y, dy, from, to, SHORT);
}

@unmanaged
class Rsqrt extends Activation {
  /** y = 1/√x */
  value(x: v128): v128 {
    return f32x4.div(f32x4.splat(1), f32x4.sqrt(x));
  }
  /** dx = −½·dy·y³ */
  gradient(y: v128, dy: v128): v128 {
    const cube = f32x4.mul(f32x4.mul(y, y), y);
    return f32x4.mul(f32x4.mul(dy, f32x4.splat(-0.5)), cube);
  }
}

/** y = 1/√x for elements [from, to); y may be x. */
export function rsqrtForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  forward<Rsqrt>(y, x, from, to, SHORT);
}

/** dx = −½·dy·y³ for elements [from, to); dx may be dy or y. */
export function rsqrtBackward(
  dx: usize, // [size] f32
  y: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  backward<Rsqrt>(dx, y, dy, from, to, SHORT);
}

@unmanaged
class ExpGradient extends Binary {
  /** dx = dy·y, y = eˣ, */
  of(y: v128, dy: v128, a: v128, b: v128, c: v128): v128 {
    return f32x4.mul(dy, y);
  }
}

/** dx = dy·y, y = eˣ, for elements [from, to); dx may be dy or y. */
export function expBackward(
  dx: usize, // [size] f32
  y: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  combine<ExpGradient>(dx, y, dy, from, to);
}

@unmanaged
class LogGradient extends Binary {
  /** dx = dy / x */
  of(x: v128, dy: v128, a: v128, b: v128, c: v128): v128 {
    return f32x4.div(dy, x);
  }
}

/** dx = dy / x for elements [from, to); dx may be dy or x. */
export function logBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  combine<LogGradient>(dx, x, dy, from, to);
}

@unmanaged
class ClampGradient extends Binary {
  /** dx = dy where low ≤ x ≤ high, else 0 */
  of(x: v128, dy: v128, low: v128, high: v128, c: v128): v128 {
    return v128.and(dy, v128.and(f32x4.ge(x, low), f32x4.le(x, high)));
  }
}

/** dx = dy where low ≤ x ≤ high, else 0, for elements [from, to); dx may be dy or x. */
export function clampBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  low: f32,
  high: f32,
  from: i32,
  to: i32,
): void {
  const a = f32x4.splat(low);
  zip<ClampGradient>(dx, x, dy, from, to, a, f32x4.splat(high), a, SHORT);
}

@unmanaged
class Below extends Binary {
  of(u: v128, p: v128, a: v128, b: v128, c: v128): v128 {
    return v128.and(f32x4.splat(1), f32x4.lt(u, p));
  }
}

/** y = 1 where u < p, else 0, for elements [from, to); y may be u or p. */
export function below(
  y: usize, // [size] f32
  u: usize, // [size] f32
  p: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  combine<Below>(y, u, p, from, to);
}

@unmanaged
class Scaled extends Unary {
  of(x: v128, a: v128, b: v128): v128 {
    return f32x4.mul(x, a);
  }
}

/** y = scale·x for elements [from, to); y may be x. */
export function scaled(
  y: usize, // [size] f32
  x: usize, // [size] f32
  scale: f32,
  from: i32,
  to: i32,
): void {
  const a = f32x4.splat(scale);
  map<Scaled>(y, x, from, to, a, a, SHORT);
}
