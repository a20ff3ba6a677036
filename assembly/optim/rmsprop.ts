import { at, loadVector, madd, storeVector } from '../lanes';
import { flushTiny, splat } from './scalars';

/** The scalars that all steps of a parameter group share. */
@unmanaged
export class RMSpropScalars {
  lr: f64;
  alpha: f64;
  eps: f64;
  weightDecay: f64;
  momentum: f64;
}

/**
 * RMSprop as PyTorch's, elements [from, to):
 *   g = dw + weightDecay·w
 *   s ← α·s + (1 − α)·g²
 *   s̃ = s                                      centered: a ← α·a + (1 − α)·g, s̃ = s − a²
 *   u = g / (√s̃ + eps)
 *   w ← w − lr·u                               with momentum: b ← momentum·b + u, w ← w − lr·b
 * Rounding can make s − a² negative. PyTorch's root is then NaN; here a negative s − a² counts as 0.
 */
export function rmspropStep(
  data: usize, // [n] f32, w, updated
  squareAvg: usize, // [n] f32, s, updated
  gradAvg: usize, // [n] f32, a, updated; 0: not centered
  momentumBuffer: usize, // [n] f32, b, updated; 0: no momentum
  grad: usize, // [n] f32, dw
  scalars: RMSpropScalars,
  from: i32,
  to: i32,
): void {
  const rate = splat(-scalars.lr);
  const keep = splat(scalars.alpha);
  const gain = splat(1 - scalars.alpha);
  const e = splat(scalars.eps);
  const decay = splat(scalars.weightDecay);
  const mu = splat(scalars.momentum);
  const tail = (to - from) & 3;
  const end = at(data, to - tail);
  let w = at(data, from);
  let s = at(squareAvg, from);
  let a = gradAvg ? at(gradAvg, from) : 0;
  let b = momentumBuffer ? at(momentumBuffer, from) : 0;
  const strideA: usize = gradAvg ? 16 : 0;
  const strideB: usize = momentumBuffer ? 16 : 0;
  let g = at(grad, from);
  while (w < end) {
    scaleByRoot(w, s, a, b, g, rate, keep, gain, e, decay, mu, 4);
    w += 16;
    s += 16;
    a += strideA;
    b += strideB;
    g += 16;
  }
  if (tail) scaleByRoot(w, s, a, b, g, rate, keep, gain, e, decay, mu, tail);
}

/** @inline */
function scaleByRoot(
  data: usize,
  squareAvg: usize,
  gradAvg: usize,
  momentumBuffer: usize,
  grad: usize,
  rate: v128,
  keep: v128,
  gain: v128,
  eps: v128,
  decay: v128,
  momentum: v128,
  count: i32,
): void {
  const w = loadVector(data, 0, count);
  const g = madd(decay, w, loadVector(grad, 0, count));
  const square = f32x4.mul(f32x4.mul(gain, g), g);
  let s = flushTiny(madd(keep, loadVector(squareAvg, 0, count), square));
  storeVector(squareAvg, s, count);
  if (gradAvg) {
    const a = flushTiny(madd(keep, loadVector(gradAvg, 0, count), f32x4.mul(gain, g)));
    storeVector(gradAvg, a, count);
    s = f32x4.pmax(f32x4.sub(s, f32x4.mul(a, a)), f32x4.splat(0));
  }
  let u = f32x4.div(g, f32x4.add(f32x4.sqrt(s), eps));
  if (momentumBuffer) {
    u = flushTiny(madd(momentum, loadVector(momentumBuffer, 0, count), u));
    storeVector(momentumBuffer, u, count);
  }
  storeVector(data, madd(rate, u, w), count);
}
