import { loadPartial, storePartial } from '../lanes';

/**
 * What the optimizer kernels share. Each runs over a span: `n` consecutive numbers of data, gradient
 * and state, elements [from, to) of it. Learning rate, decays and the like come as float64, as the user
 * wrote them, and are rounded once, after 1 − β and other such terms have been formed.
 */

/**
 * v, or +0 where |v| < 2⁻¹⁰⁰: a moment whose gradient stays 0 would otherwise shrink into denormals
 * and stick there (0.9·5.6e-45 rounds to 5.6e-45), slowing every step. NaN stays.
 * @inline
 */
export function flushTiny(v: v128): v128 {
  return v128.andnot(v, f32x4.lt(f32x4.abs(v), f32x4.splat(7.888609052210118e-31)));
}

/**
 * A float64 scalar in every lane, rounded to float32.
 * @inline
 */
export function lanes(value: f64): v128 {
  return f32x4.splat(<f32>value);
}

/**
 * `count` (1 to 4) numbers at p. One element's arithmetic is written once, as an inlined function that
 * the loop calls with a literal 4 and the tail with what is left.
 * @inline
 */
export function load4(p: usize, count: i32): v128 {
  return count == 4 ? v128.load(p) : loadPartial(p, count);
}

/** @inline */
export function store4(p: usize, v: v128, count: i32): void {
  if (count == 4) v128.store(p, v);
  else storePartial(p, v, count);
}
