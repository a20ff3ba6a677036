import { at, loadVector, madd, storeVector } from '../lanes';
import { flushTiny, splat } from './scalars';

/** The scalars of one step of one parameter, which the host computes from the step's number. */
@unmanaged
export class AdaptiveScalars {
  beta1: f64;
  beta2: f64;
  gain: f64; // γ: 1 − β₂, or 1 for a sum that only grows
  mean: f64; // p, the weight of m
  gradient: f64; // q, the weight of g
  root: f64; // r; 0: the step is not divided by √v
  eps: f64;
  weightDecay: f64; // as an L2 penalty
  shrink: f64; // of the weight itself: 1 − lr·weightDecay, or 1
}

/**
 * One step of the optimizers that divide by the root of a mean or a sum of squared gradients (NAdam,
 * RAdam, Adagrad), elements [from, to):
 *   g = dw + weightDecay·w
 *   m ← β₁·m + (1 − β₁)·g
 *   v ← β₂·v + γ·g²
 *   w ← shrink·w + (p·m + q·g) / (r·√v + eps)      r = 0: w ← shrink·w + p·m + q·g
 */
export function adaptiveStep(
  data: usize, // [n] f32, w, updated
  mean: usize, // [n] f32, m, updated; 0: none
  square: usize, // [n] f32, v, updated
  grad: usize, // [n] f32, dw
  scalars: AdaptiveScalars,
  from: i32,
  to: i32,
): void {
  const b1 = splat(scalars.beta1);
  const a1 = splat(1 - scalars.beta1);
  const b2 = splat(scalars.beta2);
  const a2 = splat(scalars.gain);
  const p = splat(scalars.mean);
  const q = splat(scalars.gradient);
  const r = splat(scalars.root);
  const e = splat(scalars.eps);
  const decay = splat(scalars.weightDecay);
  const shrink = splat(scalars.shrink);
  const divided = scalars.root != 0;
  const tail = (to - from) & 3;
  const end = at(data, to - tail);
  let w = at(data, from);
  let m = mean ? at(mean, from) : 0;
  const stride: usize = mean ? 16 : 0;
  let v = at(square, from);
  let g = at(grad, from);
  while (w < end) {
    adapt(w, m, v, g, b1, a1, b2, a2, p, q, r, e, decay, shrink, divided, 4);
    w += 16;
    m += stride;
    v += 16;
    g += 16;
  }
  if (tail) adapt(w, m, v, g, b1, a1, b2, a2, p, q, r, e, decay, shrink, divided, tail);
}

/** @inline */
function adapt(
  data: usize,
  mean: usize,
  square: usize,
  grad: usize,
  b1: v128,
  a1: v128,
  b2: v128,
  a2: v128,
  p: v128,
  q: v128,
  r: v128,
  eps: v128,
  decay: v128,
  shrink: v128,
  divided: bool,
  count: i32,
): void {
  const w = loadVector(data, 0, count);
  const g = madd(decay, w, loadVector(grad, 0, count));
  const old = loadVector(square, 0, count);
  const v = flushTiny(madd(b2, old, f32x4.mul(f32x4.mul(a2, g), g)));
  storeVector(square, v, count);
  let step = f32x4.mul(q, g);
  if (mean) {
    const m = flushTiny(madd(b1, loadVector(mean, 0, count), f32x4.mul(a1, g)));
    storeVector(mean, m, count);
    step = madd(p, m, step);
  }
  if (divided) step = f32x4.div(step, madd(f32x4.sqrt(v), r, eps));
  storeVector(data, madd(shrink, w, step), count);
}
