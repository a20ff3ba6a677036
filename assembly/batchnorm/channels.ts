/**
 * What batch norm computes once a channel, between its passes over the elements. With
 * mean = K + δ and m values a channel,
 *
 *   y  = (x − K)·a + b              a = γ·invStd         b = β − δ·a
 *   dx = dy·a + (x − K)·p + q       p = −a·invStd²·G/m   q = −a·B/m − p·δ
 *   dγ = G·invStd                   G = Σ dy·(x − mean) = Σ dy·d − δ·B
 *   dβ = B                          B = Σ dy
 */

import { at, loadUpTo, storeUpTo } from '../lanes';
import { padded } from './equations';

/**
 * a = γ·invStd and b = β − δ·a for channels [from, to).
 */
export function batchNormAffine(
  scale: usize, // [c] f32, a
  offset: usize, // [c] f32, b
  delta: usize, // [c] f32, δ; 0: none
  invStd: usize, // [c] f32
  weight: usize, // [c] f32, γ; 0: all one
  bias: usize, // [c] f32, β; 0: all zero
  from: i32,
  to: i32,
): void {
  for (let j = from; j < to; j += 4) {
    const count = to - j;
    let a = loadUpTo(at(invStd, j), count);
    if (weight) a = f32x4.mul(a, loadUpTo(at(weight, j), count));
    let b = f32x4.splat(0);
    if (bias) b = loadUpTo(at(bias, j), count);
    if (delta) b = f32x4.sub(b, f32x4.mul(loadUpTo(at(delta, j), count), a));
    storeUpTo(at(scale, j), a, count);
    storeUpTo(at(offset, j), b, count);
  }
}

/**
 * dγ += G·invStd and dβ += B, added to what they hold; and the p and q of dx in training mode, for
 * channels [from, to). With frozen statistics dx is dy·a alone: leave p, q and δ out.
 */
export function batchNormAffineBackward(
  dWeight: usize, // [c] f32, added to; 0: not wanted
  dBias: usize, // [c] f32, added to; 0: not wanted
  slope: usize, // [c] f32, p; 0: not wanted
  intercept: usize, // [c] f32, q; 0 with slope
  totals: usize, // [2, C] f64: Σ dy, Σ dy·d; C = c rounded up to 16
  delta: usize, // [c] f32, δ; 0: none
  invStd: usize, // [c] f32
  scale: usize, // [c] f32, a
  c: i32,
  m: f64,
  from: i32,
  to: i32,
): void {
  const products = (<usize>padded(c)) << 3;
  for (let j = from; j < to; j++) {
    const total = totals + ((<usize>j) << 3);
    const d: f64 = delta ? <f64>f32.load(at(delta, j)) : 0;
    const s = <f64>f32.load(at(invStd, j));
    const sum = f64.load(total);
    const product = f64.load(total + products) - d * sum;
    if (dWeight) {
      f32.store(at(dWeight, j), <f32>(<f64>f32.load(at(dWeight, j)) + product * s));
    }
    if (dBias) f32.store(at(dBias, j), <f32>(<f64>f32.load(at(dBias, j)) + sum));
    if (slope) {
      const a = <f64>f32.load(at(scale, j)) / m;
      const p = <f32>(-a * s * s * product);
      f32.store(at(slope, j), p);
      // from the rounded p, so that Σ dx over the channel stays as near to 0 as float32 lets it
      f32.store(at(intercept, j), <f32>(-a * sum - <f64>p * d));
    }
  }
}

/**
 * Running statistics in the place of a batch's, for channels [from, to): invStd = 1/√(running variance
 * + eps) and K + δ = running mean. Within four standard deviations of 0 K = 0, which saves a
 * subtraction an element; further off δ = 0. A copy, so that a backward pass sees what its forward saw.
 */
export function batchNormRunning(
  shift: usize, // [c] f32, K
  delta: usize, // [c] f32, δ
  invStd: usize, // [c] f32
  runningMean: usize, // [c] f32
  runningVar: usize, // [c] f32
  eps: f32,
  from: i32,
  to: i32,
): void {
  for (let j = from; j < to; j += 4) {
    const count = to - j;
    const sd = f32x4.sqrt(f32x4.add(loadUpTo(at(runningVar, j), count), f32x4.splat(eps)));
    const mean = loadUpTo(at(runningMean, j), count);
    const near = f32x4.le(f32x4.abs(mean), f32x4.mul(sd, f32x4.splat(4)));
    storeUpTo(at(shift, j), v128.andnot(mean, near), count);
    storeUpTo(at(delta, j), v128.and(mean, near), count);
    storeUpTo(at(invStd, j), f32x4.div(f32x4.splat(1), sd), count);
  }
}

/**
 * Moving averages, running ← (1 − momentum)·running + momentum·new, where the new mean is K + δ and
 * the new variance var·correction: m/(m − 1) makes it unbiased, 1 leaves it biased. The cumulative
 * average of t batches takes momentum 1/t. For channels [from, to).
 */
export function batchNormUpdateRunning(
  runningMean: usize, // [c] f32, in and out
  runningVar: usize, // [c] f32, in and out
  shift: usize, // [c] f32, K
  delta: usize, // [c] f32, δ
  variance: usize, // [c] f32
  correction: f64,
  momentum: f64,
  from: i32,
  to: i32,
): void {
  const keep = 1 - momentum;
  const spread = momentum * correction;
  for (let j = from; j < to; j++) {
    const mean = <f64>f32.load(at(shift, j)) + <f64>f32.load(at(delta, j));
    const mu = keep * <f64>f32.load(at(runningMean, j)) + momentum * mean;
    const v = keep * <f64>f32.load(at(runningVar, j)) + spread * <f64>f32.load(at(variance, j));
    f32.store(at(runningMean, j), <f32>mu);
    f32.store(at(runningVar, j), <f32>v);
  }
}
