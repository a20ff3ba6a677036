/**
 * ELU and SELU: y = scale·x where x > 0, else α·(eˣ − 1). ELU's scale is 1; SELU's is 1.0507…, and its α has the
 * scale as a factor.
 */
import { Binary, LONG, map, Unary, zip } from '../elementwise';
import { expm1NonPositive, expNonPositive } from '../math';

@unmanaged
class ELU extends Unary {
  /** y = scale·x where x > 0, else α·(eˣ − 1) */
  of(x: v128, alpha: v128, scale: v128): v128 {
    const left = f32x4.le(x, f32x4.splat(0));
    return v128.bitselect(ofNegative(x, alpha), f32x4.mul(x, scale), left);
  }
}

/**
 * α·(eˣ − 1) of x ≤ 0.
 * @inline
 */
function ofNegative(x: v128, alpha: v128): v128 {
  return f32x4.mul(alpha, expm1NonPositive(f32x4.pmin(x, f32x4.splat(0))));
}

@unmanaged
class ELUGradient extends Binary {
  /**
   * dx = scale·dy where x > 0, else dy·α·eˣ, which is α·(eˣ − 1) + α down to x = `far`. Below it that sum would
   * lose what is left of eˣ.
   */
  of(x: v128, dy: v128, alpha: v128, far: v128, scale: v128): v128 {
    let slope = f32x4.add(ofNegative(x, alpha), alpha);
    const below = f32x4.lt(x, far);
    if (v128.any_true(below)) {
      const power = f32x4.mul(alpha, expNonPositive(f32x4.pmin(x, f32x4.splat(0))));
      slope = v128.bitselect(power, slope, below);
    }
    const left = f32x4.le(x, f32x4.splat(0));
    return f32x4.mul(dy, v128.bitselect(slope, scale, left));
  }
}

/** y = scale·x where x > 0, else α·(eˣ − 1), for elements [from, to); y may be x. */
export function eluForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  alpha: f32,
  scale: f32,
  from: i32,
  to: i32,
): void {
  map<ELU>(y, x, from, to, f32x4.splat(alpha), f32x4.splat(scale), LONG);
}

/** dx = scale·dy where x > 0, else dy·α·eˣ, for elements [from, to); dx may be dy or x. */
export function eluBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  alpha: f32,
  scale: f32,
  from: i32,
  to: i32,
): void {
  const far = f32x4.splat(alpha < 0 ? Infinity : -4);
  zip<ELUGradient>(dx, x, dy, from, to, f32x4.splat(alpha), far, f32x4.splat(scale), LONG);
}
