/**
 * Softmax cross-entropy of logits x [n, c, inner] against probabilities t of the same shape. With
 * class weights ω (1 if absent) and smoothing ε the loss of a position is
 *
 *   L = Σ_k a_k·(−ln p_k),   a_k = ω_k·((1 − ε)·t_k + ε / c),
 *
 * and its gradient dx_k = (Σ_j a_j)·p_k − a_k. The mean divides by the number of positions, n·inner,
 * whatever the weights.
 */

import {
  columnExp,
  columnMax,
  columnScale,
  logOf,
  rowExp,
  rowMax,
  rowScale,
} from '../activation/softmax';
import { at, keepUpTo, loadUpTo, storeUpTo, sumLanes } from '../lanes';
import { logLanes } from '../math';
import { addWide, sumWide } from '../reduce';
import { CrossEntropyShape } from './crossentropy';

/**
 * a = ω·(keep·t + spread).
 * @inline
 */
function target(t: v128, w: v128, keep: f32, spread: f32): v128 {
  return f32x4.mul(w, f32x4.add(f32x4.mul(t, f32x4.splat(keep)), f32x4.splat(spread)));
}

/**
 * ω of up to four classes from k.
 * @inline
 */
function classWeights(weight: usize, k: i32, count: i32): v128 {
  return weight ? loadUpTo(at(weight, k), count) : f32x4.splat(1);
}

/**
 * ω of class k in every lane.
 * @inline
 */
function classWeight(weight: usize, k: i32): v128 {
  return weight ? v128.load32_splat(at(weight, k)) : f32x4.splat(1);
}

/** Writes p and returns ΣL for rows [from, to) of n, summed in float64. */
export function crossEntropySoftForward(
  p: usize, // [n, c, inner] f32: softmax(x), for crossEntropySoftBackward
  x: usize, // [n, c, inner] f32
  t: usize, // [n, c, inner] f32
  weight: usize, // [c] f32, or 0
  shape: CrossEntropyShape,
  from: i32,
  to: i32,
): f64 {
  const c = shape.c;
  const inner = shape.inner;
  const smoothing = shape.smoothing;
  const keep = <f32>(1 - smoothing);
  const spread = <f32>(smoothing / <f64>c);
  const stride = (<usize>inner) << 2;
  let total: f64 = 0;
  for (let r = from; r < to; r++) {
    const offset = <usize>r * <usize>c * stride;
    // Two float64 sums side by side: of low lanes and of high lanes.
    let sum = f64x2.splat(0);
    if (inner == 1) {
      const a = x + offset;
      const m = rowMax(a, c);
      const exps = rowExp(p + offset, a, m, c);
      rowScale(p + offset, 1 / exps, c);
      const shift = f32x4.splat(m);
      const log = f32x4.splat(logOf(exps));
      for (let k = 0; k < c; k += 4) {
        const count = c - k;
        const z = f32x4.sub(loadUpTo(at(a, k), count), shift);
        const w = classWeights(weight, k, count);
        const mass = target(loadUpTo(at(t + offset, k), count), w, keep, spread);
        const loss = keepUpTo(f32x4.mul(mass, f32x4.sub(log, z)), count);
        sum = addWide(sum, loss);
      }
    } else {
      for (let i = 0; i < inner; i += 4) {
        const count = inner - i;
        const a = at(x + offset, i);
        const q = at(p + offset, i);
        const m = columnMax(a, c, stride, count);
        const exps = columnExp(q, a, m, c, stride, count);
        columnScale(q, f32x4.div(f32x4.splat(1), exps), c, stride, count);
        const log = logLanes(exps);
        for (let k = 0; k < c; k++) {
          const skip = <usize>k * stride;
          const z = f32x4.sub(loadUpTo(a + skip, count), m);
          const w = classWeight(weight, k);
          const mass = target(loadUpTo(at(t + offset, i) + skip, count), w, keep, spread);
          const loss = keepUpTo(f32x4.mul(mass, f32x4.sub(log, z)), count);
          sum = addWide(sum, loss);
        }
      }
    }
    total += sumWide(sum);
  }
  return total;
}

/** dx_k = scale·((Σ_j a_j)·p_k − a_k) for rows [from, to) of n; dx may be p, and usually is. */
export function crossEntropySoftBackward(
  dx: usize, // [n, c, inner] f32
  p: usize, // [n, c, inner] f32: from crossEntropySoftForward
  t: usize, // [n, c, inner] f32
  weight: usize, // [c] f32, or 0
  shape: CrossEntropyShape,
  scale: f64,
  from: i32,
  to: i32,
): void {
  const c = shape.c;
  const inner = shape.inner;
  const smoothing = shape.smoothing;
  const keep = <f32>(1 - smoothing);
  const spread = <f32>(smoothing / <f64>c);
  const factor = f32x4.splat(<f32>scale);
  const stride = (<usize>inner) << 2;
  for (let r = from; r < to; r++) {
    const offset = <usize>r * <usize>c * stride;
    if (inner == 1) {
      let mass = f32x4.splat(0);
      for (let k = 0; k < c; k += 4) {
        const count = c - k;
        const w = classWeights(weight, k, count);
        const a = target(loadUpTo(at(t + offset, k), count), w, keep, spread);
        mass = f32x4.add(mass, keepUpTo(a, count));
      }
      const all = f32x4.splat(sumLanes(mass));
      for (let k = 0; k < c; k += 4) {
        const count = c - k;
        const w = classWeights(weight, k, count);
        const a = target(loadUpTo(at(t + offset, k), count), w, keep, spread);
        const d = f32x4.sub(f32x4.mul(all, loadUpTo(at(p + offset, k), count)), a);
        storeUpTo(at(dx + offset, k), f32x4.mul(factor, d), count);
      }
      continue;
    }
    for (let i = 0; i < inner; i += 4) {
      const count = inner - i;
      const start = at(offset, i);
      let all = f32x4.splat(0);
      for (let k = 0; k < c; k++) {
        const here = start + <usize>k * stride;
        const w = classWeight(weight, k);
        all = f32x4.add(all, target(loadUpTo(t + here, count), w, keep, spread));
      }
      for (let k = 0; k < c; k++) {
        const here = start + <usize>k * stride;
        const a = target(loadUpTo(t + here, count), classWeight(weight, k), keep, spread);
        const d = f32x4.sub(f32x4.mul(all, loadUpTo(p + here, count)), a);
        storeUpTo(dx + here, f32x4.mul(factor, d), count);
      }
    }
  }
}
