import { Binary, SHORT, zip } from './elementwise';

@unmanaged
class Sum extends Binary {
  /** max(u + v, least) */
  of(u: v128, v: v128, least: v128, b: v128, c: v128): v128 {
    return f32x4.pmax(f32x4.add(u, v), least);
  }
}

/**
 * y[i] = a[i] + b[i], or max(that, 0) with `relu`, for elements [from, to); y may be a or b.
 */
export function addForward(
  y: usize, // [n] f32
  a: usize, // [n] f32
  b: usize, // [n] f32
  relu: bool,
  from: i32,
  to: i32,
): void {
  const least = f32x4.splat(relu ? 0 : -Infinity);
  const none = f32x4.splat(0);
  zip<Sum>(y, a, b, from, to, least, none, none, SHORT);
}
