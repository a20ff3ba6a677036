/**
 * Batch renormalization: a training batch is normalised by its own statistics, then moved most of the way
 * to where the running ones would have put it. Per channel, with σ the running and σ_B the batch's √(var + eps),
 *
 *   r = clamp(σ_B/σ, 1/rMax, rMax)      d = clamp((mean_B − mean)/σ, −dMax, dMax)
 *   y = γ·((x − mean_B)/σ_B·r + d) + β
 *
 * r and d count as constants in the gradient. So with mean_B = K + δ
 *
 *   y = (x − K)·a + b      a = γ·r/σ_B      b = γ·d + β − δ·a
 *
 * and dx is that of batch norm with this a: only dγ differs, dγ = r·G/σ_B + d·B.
 */

import { at } from '../lanes';
import { padded } from './equations';

/**
 * r and d, saved, and a and b in the place of batchNormAffine's, for channels [from, to).
 */
export function batchNormRenorm(
  scale: usize, // [c] f32, a
  offset: usize, // [c] f32, b
  ratio: usize, // [c] f32, r
  drift: usize, // [c] f32, d
  shift: usize, // [c] f32, K
  delta: usize, // [c] f32, δ
  invStd: usize, // [c] f32, 1/σ_B
  runningMean: usize, // [c] f32
  runningVar: usize, // [c] f32
  weight: usize, // [c] f32, γ; 0: all one
  bias: usize, // [c] f32, β; 0: all zero
  eps: f64,
  rMax: f64,
  dMax: f64,
  from: i32,
  to: i32,
): void {
  for (let j = from; j < to; j++) {
    const gamma: f64 = weight ? <f64>f32.load(at(weight, j)) : 1;
    const beta: f64 = bias ? <f64>f32.load(at(bias, j)) : 0;
    const own = <f64>f32.load(at(invStd, j));
    const sd = sqrt(<f64>f32.load(at(runningVar, j)) + eps);
    // K and the running mean are near each other: their difference first, so that δ keeps its digits
    const apart = <f64>f32.load(at(shift, j)) - <f64>f32.load(at(runningMean, j));
    const small = <f64>f32.load(at(delta, j));
    const r = clamp(1 / (own * sd), 1 / rMax, rMax);
    const d = clamp((apart + small) / sd, -dMax, dMax);
    const a = <f32>(gamma * r * own);
    f32.store(at(ratio, j), <f32>r);
    f32.store(at(drift, j), <f32>d);
    f32.store(at(scale, j), a);
    f32.store(at(offset, j), <f32>(gamma * d + beta - small * <f64>a));
  }
}

/** NaN stays. */
function clamp(v: f64, low: f64, high: f64): f64 {
  return min(max(v, low), high);
}

/**
 * dγ += r·G/σ_B + d·B for channels [from, to), with G = Σ dy·(x − mean_B) and B = Σ dy. dβ, p and q are
 * batchNormAffineBackward's.
 */
export function batchNormRenormBackward(
  dWeight: usize, // [c] f32, added to
  ratio: usize, // [c] f32, r
  drift: usize, // [c] f32, d
  totals: usize, // [2, C] f64: Σ dy, Σ dy·(x − K); C = c rounded up to 16
  delta: usize, // [c] f32, δ
  invStd: usize, // [c] f32, 1/σ_B
  c: i32,
  from: i32,
  to: i32,
): void {
  const products = (<usize>padded(c)) << 3;
  for (let j = from; j < to; j++) {
    const total = totals + ((<usize>j) << 3);
    const sum = f64.load(total);
    const product = f64.load(total + products) - <f64>f32.load(at(delta, j)) * sum;
    const r = <f64>f32.load(at(ratio, j)) * <f64>f32.load(at(invStd, j));
    const d = <f64>f32.load(at(drift, j));
    const g = at(dWeight, j);
    f32.store(g, <f32>(<f64>f32.load(g) + r * product + d * sum));
  }
}
