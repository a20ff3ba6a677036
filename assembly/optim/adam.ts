import { at, loadVector, madd, storeVector } from '../lanes';
import { powF64 } from '../math64';
import { flushTiny, splat } from './scalars';

/** The scalars that all steps of a parameter group share. */
@unmanaged
export class AdamScalars {
  lr: f64;
  beta1: f64;
  beta2: f64;
  eps: f64;
  weightDecay: f64;
  decoupled: i32; // 1: AdamW
}

/**
 * Adam and AdamW (Kingma and Ba 2015; Loshchilov and Hutter 2019), step t = 1, 2, …, elements
 * [from, to):
 *   g = dw + weightDecay·w                     AdamW: w ← (1 − lr·weightDecay)·w, g = dw
 *   m ← β₁·m + (1 − β₁)·g
 *   v ← β₂·v + (1 − β₂)·g²
 *   v̂ = v                                      AMSGrad: vMax ← max(vMax, v), v̂ = vMax
 *   w ← w − lr/(1 − β₁ᵗ) · m / (√v̂/√(1 − β₂ᵗ) + eps)
 */
export function adamStep(
  data: usize, // [n] f32, w, updated
  expAvg: usize, // [n] f32, m, updated
  expAvgSq: usize, // [n] f32, v, updated
  maxExpAvgSq: usize, // [n] f32, vMax, updated; 0: no AMSGrad
  grad: usize, // [n] f32, dw
  scalars: AdamScalars,
  step: f64, // t
  from: i32,
  to: i32,
): void {
  const tail = (to - from) & 3;
  const end = at(data, to - tail);
  let w = at(data, from);
  let m = at(expAvg, from);
  let v = at(expAvgSq, from);
  let x = maxExpAvgSq ? at(maxExpAvgSq, from) : 0;
  let g = at(grad, from);
  const rate = splat(-scalars.lr / (1 - powF64(scalars.beta1, step)));
  const root = splat(1 / Math.sqrt(1 - powF64(scalars.beta2, step)));
  const b1 = splat(scalars.beta1);
  const b2 = splat(scalars.beta2);
  const a1 = splat(1 - scalars.beta1);
  const a2 = splat(1 - scalars.beta2);
  const e = splat(scalars.eps);
  const decoupled = scalars.decoupled;
  const decay = splat(decoupled ? 0 : scalars.weightDecay);
  const shrink = splat(decoupled ? 1 - scalars.lr * scalars.weightDecay : 1);
  if (!maxExpAvgSq) {
    // A separate loop: the branch for AMSGrad in the other one would cost 5 %.
    while (w < end) {
      adapt(w, m, v, 0, g, rate, root, b1, b2, a1, a2, e, decay, shrink, 4);
      w += 16;
      m += 16;
      v += 16;
      g += 16;
    }
  }
  while (w < end) {
    adapt(w, m, v, x, g, rate, root, b1, b2, a1, a2, e, decay, shrink, 4);
    w += 16;
    m += 16;
    v += 16;
    x += 16;
    g += 16;
  }
  if (tail) adapt(w, m, v, x, g, rate, root, b1, b2, a1, a2, e, decay, shrink, tail);
}

/** @inline */
function adapt(
  data: usize,
  expAvg: usize,
  expAvgSq: usize,
  maxExpAvgSq: usize,
  grad: usize,
  rate: v128,
  root: v128,
  b1: v128,
  b2: v128,
  a1: v128,
  a2: v128,
  eps: v128,
  decay: v128,
  shrink: v128,
  count: i32,
): void {
  const old = loadVector(data, 0, count);
  const g = madd(decay, old, loadVector(grad, 0, count));
  const m = flushTiny(madd(b1, loadVector(expAvg, 0, count), f32x4.mul(a1, g)));
  const v0 = loadVector(expAvgSq, 0, count);
  let v = flushTiny(madd(b2, v0, f32x4.mul(f32x4.mul(a2, g), g)));
  storeVector(expAvg, m, count);
  storeVector(expAvgSq, v, count);
  if (maxExpAvgSq) {
    // v is the first operand: once it is NaN, v and the maximum stay NaN.
    v = f32x4.pmax(v, loadVector(maxExpAvgSq, 0, count));
    storeVector(maxExpAvgSq, v, count);
  }
  const denominator = madd(f32x4.sqrt(v), root, eps);
  storeVector(data, madd(rate, f32x4.div(m, denominator), f32x4.mul(shrink, old)), count);
}
