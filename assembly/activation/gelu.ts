/** GELU, exact and by tanh. The gradient needs x: y has the same value on both sides of its minimum. */
import { Activation, backward, forward, LONG, PAIRS } from '../elementwise';
import { madd } from '../lanes';
import { gaussianLanes, normalCdfLanes, tanhLanes } from '../math';

/** 1/√2π */
const INV_SQRT_2PI: f32 = 0.3989422804014327;
/** √(2/π) */
const SQRT_2_OVER_PI: f32 = 0.7978845608028654;
const CUBIC: f32 = 0.044715;

@unmanaged
class GELU extends Activation {
  /** y = x·Φ(x), Φ the standard normal distribution's cumulative function */
  value(x: v128): v128 {
    return f32x4.mul(x, normalCdfLanes(x, gaussianLanes(x)));
  }
  /** dx = dy·(Φ(x) + x·φ(x)), φ = Φ′ */
  gradient(x: v128, dy: v128): v128 {
    const e = gaussianLanes(x);
    const density = f32x4.mul(e, f32x4.splat(INV_SQRT_2PI));
    return f32x4.mul(dy, madd(x, density, normalCdfLanes(x, e)));
  }
}

/** y = x·Φ(x), Φ the standard normal's cumulative function, for elements [from, to); y may be x. */
export function geluForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  forward<GELU>(y, x, from, to, PAIRS);
}

/** dx = dy·(Φ(x) + x·φ(x)), φ = Φ′, for elements [from, to); dx may be dy or x. */
export function geluBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  backward<GELU>(dx, x, dy, from, to, PAIRS);
}

/** GELU by tanh: u = √(2/π)·(x + 0.044715·x³). */
@unmanaged
class GELUTanh extends Activation {
  /** y = ½·x·(1 + tanh u) */
  value(x: v128): v128 {
    const half = f32x4.mul(x, f32x4.splat(0.5));
    return f32x4.mul(half, f32x4.add(tanhOfInner(x), f32x4.splat(1)));
  }
  /** dx = dy·½·(1 + t + x·u′·(1 − t²)), t = tanh u */
  gradient(x: v128, dy: v128): v128 {
    const one = f32x4.splat(1);
    const t = tanhOfInner(x);
    const inner = madd(f32x4.mul(x, x), f32x4.splat(3 * CUBIC), one); // u′ / √(2/π)
    // Past ±8 t is ±1, and the term is 0·bend: bend must not overflow before u′ does.
    const near = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-8)), f32x4.splat(8));
    const bend = f32x4.mul(f32x4.mul(near, f32x4.splat(SQRT_2_OVER_PI)), inner);
    const slope = madd(bend, f32x4.sub(one, f32x4.mul(t, t)), f32x4.add(one, t));
    return f32x4.mul(dy, f32x4.mul(slope, f32x4.splat(0.5)));
  }
}

/**
 * tanh(u) with u = √(2/π)·(x + 0.044715·x³).
 * @inline
 */
function tanhOfInner(x: v128): v128 {
  const cubed = f32x4.mul(f32x4.mul(x, x), x);
  const inner = madd(cubed, f32x4.splat(CUBIC), x);
  return tanhLanes(f32x4.mul(inner, f32x4.splat(SQRT_2_OVER_PI)));
}

/** y = ½·x·(1 + tanh u), u = √(2/π)·(x + 0.044715·x³), for elements [from, to); y may be x. */
export function geluTanhForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  forward<GELUTanh>(y, x, from, to, LONG);
}

/** dx = dy·½·(1 + t + x·u′·(1 − t²)), t = tanh u, for elements [from, to); dx may be dy or x. */
export function geluTanhBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  backward<GELUTanh>(dx, x, dy, from, to, LONG);
}
