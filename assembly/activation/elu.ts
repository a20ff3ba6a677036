import {
  Binary,
  backwardWith,
  forwardWith,
  LONG,
  ParametricActivation,
  SHORT,
  zip,
} from '../elementwise';
import { expm1NonPositive, expNonPositive } from '../math';

@unmanaged
class ELU extends ParametricActivation {
  /** y = x where x > 0, else α·(eˣ − 1) */
  value(x: v128, alpha: v128): v128 {
    const left = f32x4.le(x, f32x4.splat(0));
    const expm1 = expm1NonPositive(f32x4.pmin(x, f32x4.splat(0)));
    return v128.bitselect(f32x4.mul(alpha, expm1), x, left);
  }
  /** dx = dy where y > 0, else dy·(y + α), as α·eˣ = y + α; for α ≥ 0 */
  gradient(y: v128, dy: v128, alpha: v128): v128 {
    const left = f32x4.le(y, f32x4.splat(0));
    return f32x4.mul(dy, v128.bitselect(f32x4.add(y, alpha), f32x4.splat(1), left));
  }
}

/** The gradient computed from x, for any α: with α < 0 the sign of y does not tell the sign of x. */
@unmanaged
class ELUGradientOfInput extends Binary {
  /** dx = dy where x > 0, else dy·α·eˣ */
  of(x: v128, dy: v128, alpha: v128, b: v128, c: v128): v128 {
    const left = f32x4.le(x, f32x4.splat(0));
    const slope = f32x4.mul(alpha, expNonPositive(f32x4.pmin(x, f32x4.splat(0))));
    return f32x4.mul(dy, v128.bitselect(slope, f32x4.splat(1), left));
  }
}

/** y = x where x > 0, else α·(eˣ − 1), for elements [from, to); y may be x. */
export function eluForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  alpha: f32,
  from: i32,
  to: i32,
): void {
  forwardWith<ELU>(alpha, y, x, from, to, LONG);
}

/** dx = dy where y > 0, else dy·(y + α), for elements [from, to) and α ≥ 0; dx may be dy or y. */
export function eluBackward(
  dx: usize, // [size] f32
  y: usize, // [size] f32
  dy: usize, // [size] f32
  alpha: f32,
  from: i32,
  to: i32,
): void {
  backwardWith<ELU>(alpha, dx, y, dy, from, to, SHORT);
}

/** dx = dy where x > 0, else dy·α·eˣ, for elements [from, to) and any α; dx may be dy or x. */
export function eluBackwardOfInput(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  alpha: f32,
  from: i32,
  to: i32,
): void {
  const none = f32x4.splat(0);
  zip<ELUGradientOfInput>(dx, x, dy, from, to, f32x4.splat(alpha), none, none, LONG);
}
