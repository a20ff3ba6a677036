import { at, madd } from '../lanes';
import { flushTiny, lanes, load4, store4 } from './slots';

/**
 * Plain gradient descent, elements [from, to):
 *   g = dw + weightDecay·w
 *   w ← w − lr·g
 */
export function sgdStep(
  data: usize, // [n] f32, updated
  grad: usize, // [n] f32
  lr: f64,
  weightDecay: f64,
  from: i32,
  to: i32,
): void {
  const rate = lanes(-lr);
  const decay = lanes(weightDecay);
  const tail = (to - from) & 3;
  const end = at(data, to - tail);
  let w = at(data, from);
  let g = at(grad, from);
  while (w < end) {
    descend(w, g, rate, decay, 4);
    w += 16;
    g += 16;
  }
  if (tail) descend(w, g, rate, decay, tail);
}

/** @inline */
function descend(data: usize, grad: usize, rate: v128, decay: v128, count: i32): void {
  const w = load4(data, count);
  const g = madd(decay, w, load4(grad, count));
  store4(data, madd(rate, g, w), count);
}

/**
 * Gradient descent with momentum, as PyTorch's SGD, elements [from, to):
 *   g = dw + weightDecay·w
 *   b ← momentum·b + (1 − dampening)·g      b ← g at the first step
 *   w ← w − lr·b                            w − lr·(g + momentum·b) with Nesterov
 * b is zero before the first step.
 */
export function sgdMomentumStep(
  data: usize, // [n] f32, updated
  momentumBuffer: usize, // [n] f32, updated
  grad: usize, // [n] f32
  lr: f64,
  momentum: f64,
  dampening: f64,
  nesterov: i32, // 0 or 1
  weightDecay: f64,
  first: i32, // 0 or 1
  from: i32,
  to: i32,
): void {
  const rate = lanes(-lr);
  const keep = lanes(momentum);
  const gain = lanes(first ? 1 : 1 - dampening);
  const decay = lanes(weightDecay);
  const tail = (to - from) & 3;
  const end = at(data, to - tail);
  let w = at(data, from);
  let b = at(momentumBuffer, from);
  let g = at(grad, from);
  while (w < end) {
    descendWithMomentum(w, b, g, rate, keep, gain, nesterov, decay, 4);
    w += 16;
    b += 16;
    g += 16;
  }
  if (tail) descendWithMomentum(w, b, g, rate, keep, gain, nesterov, decay, tail);
}

/** @inline */
function descendWithMomentum(
  data: usize,
  momentumBuffer: usize,
  grad: usize,
  rate: v128,
  keep: v128,
  gain: v128,
  nesterov: i32,
  decay: v128,
  count: i32,
): void {
  const w = load4(data, count);
  const g = madd(decay, w, load4(grad, count));
  const b = flushTiny(madd(keep, load4(momentumBuffer, count), f32x4.mul(gain, g)));
  store4(momentumBuffer, b, count);
  const direction = nesterov ? madd(keep, b, g) : b;
  store4(data, madd(rate, direction, w), count);
}
