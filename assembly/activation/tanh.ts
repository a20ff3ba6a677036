import { Activation, backward, forward, PAIRS, SHORT } from '../elementwise';
import { tanhLanes } from '../math';

@unmanaged
class Tanh extends Activation {
  /** y = tanh x */
  value(x: v128): v128 {
    return tanhLanes(x);
  }
  /** dx = dy·(1 − y²) */
  gradient(y: v128, dy: v128): v128 {
    return f32x4.mul(dy, f32x4.sub(f32x4.splat(1), f32x4.mul(y, y)));
  }
}

/** y = tanh x for elements [from, to); y may be x. */
export function tanhForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  forward<Tanh>(y, x, from, to, PAIRS);
}

/** dx = dy·(1 − y²) for elements [from, to); dx may be dy or y. */
export function tanhBackward(
  dx: usize, // [size] f32
  y: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  backward<Tanh>(dx, y, dy, from, to, SHORT);
}
