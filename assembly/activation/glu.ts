/**
 * The gated linear unit: y = a·σ(b), a and b the halves of x along an axis. x is [n, 2, half] and y [n, half],
 * where half counts the elements of half the axis and of those behind it.
 */
import { Binary, PAIRS, zip } from '../elementwise';
import { at, loadUpTo, storeUpTo } from '../lanes';
import { sigmoidLanes } from '../math';

@unmanaged
class Gate extends Binary {
  /** a·σ(b) */
  of(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
    return f32x4.mul(a, sigmoidLanes(b));
  }
}

/** y = a·σ(b) for rows [from, to) of n. */
export function gluForward(
  y: usize, // [n, half] f32
  x: usize, // [n, 2, half] f32
  half: i32,
  from: i32,
  to: i32,
): void {
  const none = f32x4.splat(0);
  const row = (<usize>half) << 2;
  for (let r = from; r < to; r++) {
    const a = x + 2 * <usize>r * row;
    zip<Gate>(y + <usize>r * row, a, a + row, 0, half, none, none, none, PAIRS);
  }
}

/** da = dy·σ(b), db = dy·a·σ(b)·(1 − σ(b)), for rows [from, to) of n. */
export function gluBackward(
  dx: usize, // [n, 2, half] f32, overwritten
  x: usize, // [n, 2, half] f32
  dy: usize, // [n, half] f32
  half: i32,
  from: i32,
  to: i32,
): void {
  const one = f32x4.splat(1);
  const row = (<usize>half) << 2;
  for (let r = from; r < to; r++) {
    const a = x + 2 * <usize>r * row;
    const da = dx + 2 * <usize>r * row;
    const g = dy + <usize>r * row;
    for (let i = 0; i < half; i += 4) {
      const count = half - i;
      const s = sigmoidLanes(loadUpTo(at(a + row, i), count));
      const ds = f32x4.mul(loadUpTo(at(g, i), count), s);
      const bend = f32x4.mul(loadUpTo(at(a, i), count), f32x4.sub(one, s));
      storeUpTo(at(da, i), ds, count);
      storeUpTo(at(da + row, i), f32x4.mul(ds, bend), count);
    }
  }
}
