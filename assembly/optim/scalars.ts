/**
 * What the optimizer kernels share. Each updates elements [from, to) of one parameter and its moments. The
 * learning rate, decay rates and other scalars arrive as float64, as the user wrote them. They are rounded
 * to float32 once, after terms such as 1 − β have been computed.
 */

/**
 * v, or +0 where |v| < 2⁻¹⁰⁰: a moment whose gradient stays 0 would otherwise shrink to a denormal number and
 * stay there (0.9·5.6e-45 rounds to 5.6e-45), which slows every step down. NaN stays. The bits of |v| are compared
 * as integers: on Zen 4 the units that compare floats are those that multiply, divide and take roots, and Adam
 * takes 1.12 times as long.
 * @inline
 */
export function flushTiny(v: v128): v128 {
  // |v| < 2⁻¹⁰⁰
  const size = v128.and(v, i32x4.splat(0x7fffffff));
  return v128.andnot(v, i32x4.lt_s(size, i32x4.splat(0x0d800000)));
}

/**
 * A float64 scalar in every lane, rounded to float32.
 * @inline
 */
export function splat(value: f64): v128 {
  return f32x4.splat(<f32>value);
}
