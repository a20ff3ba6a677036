import { Activation, backward, forward, SHORT } from '../elementwise';

@unmanaged
class Softsign extends Activation {
  /** y = x / (1 + |x|) */
  value(x: v128): v128 {
    return f32x4.div(x, f32x4.add(f32x4.abs(x), f32x4.splat(1)));
  }
  /** dx = dy / (1 + |x|)² */
  gradient(x: v128, dy: v128): v128 {
    const d = f32x4.add(f32x4.abs(x), f32x4.splat(1));
    return f32x4.div(f32x4.div(dy, d), d);
  }
}

/** y = x / (1 + |x|) for elements [from, to); y may be x. */
export function softsignForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  forward<Softsign>(y, x, from, to, SHORT);
}

/** dx = dy / (1 + |x|)² for elements [from, to); dx may be dy or x. */
export function softsignBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  backward<Softsign>(dx, x, dy, from, to, SHORT);
}
