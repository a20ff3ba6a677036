/** The logistic sigmoid, and SiLU (swish), which multiplies x with it. */
import { Activation, backward, forward, LONG, PAIRS, SHORT } from '../elementwise';
import { madd } from '../lanes';
import { sigmoidLanes } from '../math';

@unmanaged
class Sigmoid extends Activation {
  /** y = σ(x) = 1 / (1 + e⁻ˣ) */
  value(x: v128): v128 {
    return sigmoidLanes(x);
  }
  /** dx = dy·y·(1 − y) */
  gradient(y: v128, dy: v128): v128 {
    return f32x4.mul(dy, f32x4.mul(y, f32x4.sub(f32x4.splat(1), y)));
  }
}

/** y = σ(x) = 1 / (1 + e⁻ˣ) for elements [from, to); y may be x. */
export function sigmoidForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  forward<Sigmoid>(y, x, from, to, PAIRS);
}

/** dx = dy·y·(1 − y) for elements [from, to); dx may be dy or y. */
export function sigmoidBackward(
  dx: usize, // [size] f32
  y: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  backward<Sigmoid>(dx, y, dy, from, to, SHORT);
}

@unmanaged
class SiLU extends Activation {
  /** y = x·σ(x) */
  value(x: v128): v128 {
    return f32x4.mul(x, sigmoidLanes(x));
  }
  /** dx = dy·σ(x)·(1 + x·(1 − σ(x))) */
  gradient(x: v128, dy: v128): v128 {
    const one = f32x4.splat(1);
    const s = sigmoidLanes(x);
    return f32x4.mul(dy, f32x4.mul(s, madd(x, f32x4.sub(one, s), one)));
  }
}

/** y = x·σ(x) for elements [from, to); y may be x. */
export function siluForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  forward<SiLU>(y, x, from, to, PAIRS);
}

/** dx = dy·σ(x)·(1 + x·(1 − σ(x))) for elements [from, to); dx may be dy or x. */
export function siluBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  backward<SiLU>(dx, x, dy, from, to, LONG);
}
