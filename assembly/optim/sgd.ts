import { Binary, zipInPlace } from '../elementwise';
import { at, loadVector, madd, storeVector } from '../lanes';
import { flushTiny, splat } from './scalars';

@unmanaged
class Descent extends Binary {
  /** w + rate·(dw + decay·w) */
  of(w: v128, dw: v128, rate: v128, decay: v128, c: v128): v128 {
    return madd(rate, madd(decay, w, dw), w);
  }
}

/**
 * Plain gradient descent, elements [from, to):
 *   g = dw + weightDecay·w
 *   w ← w − lr·g
 */
export function sgdStep(
  data: usize, // [n] f32, w, updated
  grad: usize, // [n] f32, dw
  lr: f64,
  weightDecay: f64,
  from: i32,
  to: i32,
): void {
  zipInPlace<Descent>(data, grad, from, to, splat(-lr), splat(weightDecay));
}

/** The scalars that all steps of a parameter group share. */
@unmanaged
export class MomentumScalars {
  lr: f64;
  momentum: f64;
  dampening: f64;
  weightDecay: f64;
  nesterov: i32; // 0 or 1
}

/**
 * Gradient descent with momentum, as PyTorch's SGD, elements [from, to):
 *   g = dw + weightDecay·w
 *   b ← momentum·b + (1 − dampening)·g      b ← g at the first step
 *   w ← w − lr·b                            w − lr·(g + momentum·b) with Nesterov
 * b is zero before the first step.
 */
export function sgdMomentumStep(
  data: usize, // [n] f32, w, updated
  momentumBuffer: usize, // [n] f32, b, updated
  grad: usize, // [n] f32, dw
  scalars: MomentumScalars,
  first: i32, // 0 or 1
  from: i32,
  to: i32,
): void {
  const rate = splat(-scalars.lr);
  const keep = splat(scalars.momentum);
  const gain = splat(first ? 1 : 1 - scalars.dampening);
  const decay = splat(scalars.weightDecay);
  const nesterov = scalars.nesterov;
  const tail = (to - from) & 3;
  const end = at(data, to - tail);
  let w = at(data, from);
  let b = at(momentumBuffer, from);
  let g = at(grad, from);
  while (w < end) {
    descend(w, b, g, rate, keep, gain, decay, nesterov, 4);
    w += 16;
    b += 16;
    g += 16;
  }
  if (tail) descend(w, b, g, rate, keep, gain, decay, nesterov, tail);
}

/** @inline */
function descend(
  data: usize,
  momentumBuffer: usize,
  grad: usize,
  rate: v128,
  keep: v128,
  gain: v128,
  decay: v128,
  nesterov: i32,
  count: i32,
): void {
  const w = loadVector(data, 0, count);
  const g = madd(decay, w, loadVector(grad, 0, count));
  const b = flushTiny(madd(keep, loadVector(momentumBuffer, 0, count), f32x4.mul(gain, g)));
  storeVector(momentumBuffer, b, count);
  const direction = nesterov ? madd(keep, b, g) : b;
  storeVector(data, madd(rate, direction, w), count);
}
