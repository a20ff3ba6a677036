import { at, loadVector, madd, storeVector } from '../lanes';
import { flushTiny, splat } from './scalars';

/** The scalars that all steps of a parameter group share. */
@unmanaged
export class LionScalars {
  lr: f64;
  beta1: f64;
  beta2: f64;
  weightDecay: f64;
}

/**
 * Lion (Chen et al., 2023), elements [from, to):
 *   c = β₁·m + (1 − β₁)·dw
 *   w ← (1 − lr·weightDecay)·w − lr·sign(c)
 *   m ← β₂·m + (1 − β₂)·dw
 * The sign of 0 is 0, and that of NaN is NaN.
 */
export function lionStep(
  data: usize, // [n] f32, w, updated
  expAvg: usize, // [n] f32, m, updated
  grad: usize, // [n] f32, dw
  scalars: LionScalars,
  from: i32,
  to: i32,
): void {
  const rate = splat(scalars.lr);
  const b1 = splat(scalars.beta1);
  const a1 = splat(1 - scalars.beta1);
  const b2 = splat(scalars.beta2);
  const a2 = splat(1 - scalars.beta2);
  const shrink = splat(1 - scalars.lr * scalars.weightDecay);
  const tail = (to - from) & 3;
  const end = at(data, to - tail);
  let w = at(data, from);
  let m = at(expAvg, from);
  let g = at(grad, from);
  while (w < end) {
    follow(w, m, g, rate, b1, a1, b2, a2, shrink, 4);
    w += 16;
    m += 16;
    g += 16;
  }
  if (tail) follow(w, m, g, rate, b1, a1, b2, a2, shrink, tail);
}

/** @inline */
function follow(
  data: usize,
  expAvg: usize,
  grad: usize,
  rate: v128,
  b1: v128,
  a1: v128,
  b2: v128,
  a2: v128,
  shrink: v128,
  count: i32,
): void {
  const zero = f32x4.splat(0);
  const g = loadVector(grad, 0, count);
  const m = loadVector(expAvg, 0, count);
  const c = madd(b1, m, f32x4.mul(a1, g));
  const w = f32x4.mul(shrink, loadVector(data, 0, count));
  const down = v128.and(rate, f32x4.gt(c, zero));
  const up = v128.and(rate, f32x4.lt(c, zero));
  const moved = f32x4.add(f32x4.sub(w, down), up);
  storeVector(data, v128.bitselect(moved, c, f32x4.eq(c, c)), count);
  storeVector(expAvg, flushTiny(madd(b2, m, f32x4.mul(a2, g))), count);
}
