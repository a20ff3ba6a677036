/** Softplus, the smooth ReLU, and Mish, which multiplies x with its tanh. */
import { Activation, Binary, backward, forward, LONG, map, Unary, zip } from '../elementwise';
import { madd } from '../lanes';
import { expLanes, expNonPositive, log1pUnit, sigmoidLanes } from '../math';

@unmanaged
class Softplus extends Unary {
  /** y = ln(1 + e^βx) / β, or x where βx > threshold; with u = βx: (max(u, 0) + ln(1 + e^−|u|)) / β */
  of(x: v128, beta: v128, threshold: v128): v128 {
    const u = f32x4.mul(x, beta);
    const rest = log1pUnit(expNonPositive(f32x4.neg(f32x4.abs(u))));
    const y = f32x4.div(f32x4.add(f32x4.pmax(u, f32x4.splat(0)), rest), beta);
    return v128.bitselect(x, y, f32x4.gt(u, threshold));
  }
}

@unmanaged
class SoftplusGradient extends Binary {
  /** dx = dy·σ(βx), or dy where βx > threshold */
  of(x: v128, dy: v128, beta: v128, threshold: v128, c: v128): v128 {
    const u = f32x4.mul(x, beta);
    return v128.bitselect(dy, f32x4.mul(dy, sigmoidLanes(u)), f32x4.gt(u, threshold));
  }
}

/** y = ln(1 + e^βx) / β, or x where βx > threshold, for elements [from, to); y may be x. */
export function softplusForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  beta: f32,
  threshold: f32,
  from: i32,
  to: i32,
): void {
  map<Softplus>(y, x, from, to, f32x4.splat(beta), f32x4.splat(threshold), LONG);
}

/** dx = dy·σ(βx), or dy where βx > threshold, for elements [from, to); dx may be dy or x. */
export function softplusBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  beta: f32,
  threshold: f32,
  from: i32,
  to: i32,
): void {
  const a = f32x4.splat(beta);
  zip<SoftplusGradient>(dx, x, dy, from, to, a, f32x4.splat(threshold), a, LONG);
}

/**
 * With e = eˣ, tanh(ln(1 + e)) = n / (n + 2) where n = e² + 2e. From x = 20 on it is 1 to all digits, and e
 * must not overflow.
 */
@unmanaged
class Mish extends Activation {
  /** y = x·n / (n + 2) */
  value(x: v128): v128 {
    const two = f32x4.splat(2);
    const e = expLanes(f32x4.pmin(x, f32x4.splat(20)));
    const n = f32x4.mul(e, f32x4.add(e, two));
    return f32x4.mul(x, f32x4.div(n, f32x4.add(n, two)));
  }
  /** dx = dy·(t + x·4e·(1 + e) / (n + 2)²), t = n / (n + 2) */
  gradient(x: v128, dy: v128): v128 {
    const two = f32x4.splat(2);
    const edge = f32x4.splat(20);
    const e = expLanes(f32x4.pmin(x, edge));
    const m = madd(e, f32x4.add(e, two), two); // n + 2
    const t = f32x4.div(f32x4.mul(e, f32x4.add(e, two)), m);
    const bend = f32x4.mul(f32x4.splat(4), f32x4.mul(e, f32x4.add(e, f32x4.splat(1))));
    const slope = v128.andnot(f32x4.div(f32x4.div(bend, m), m), f32x4.gt(x, edge));
    return f32x4.mul(dy, madd(x, slope, t));
  }
}

/** y = x·tanh(ln(1 + eˣ)) for elements [from, to); y may be x. */
export function mishForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  forward<Mish>(y, x, from, to, LONG);
}

/** dx = dy·(t + x·(1 − t²)·σ(x)), t = tanh(ln(1 + eˣ)), for elements [from, to); dx may be dy or x. */
export function mishBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  backward<Mish>(dx, x, dy, from, to, LONG);
}
