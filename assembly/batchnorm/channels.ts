/**
 * What batch norm computes once per channel, between its passes over the elements. With mean = K + δ,
 * σ = √(variance + eps) and m values a channel:
 *
 *   δ  = Σd/m                       variance = Σd²/m − δ²
 *   y  = (x − K)·a + b              a = γ/σ               b = β − δ·a
 *   dx = dy·a + (x − K)·p + q       p = −a·G/(m·σ²)       q = −a·B/m − p·δ
 *   dγ = G/σ                        G = Σ dy·(x − mean) = Σ dy·d − δ·B
 *   dβ = B                          B = Σ dy
 */

import { at, loadVector, narrow, storeVector, widenHigh, widenLow } from '../lanes';
import {
  Coefficients,
  cell,
  DELTA,
  DRIFT,
  INTERCEPT,
  INV_STD,
  OFFSET,
  RATIO,
  SCALE,
  SLOPE,
  Statistics,
  totalsBytes,
  VARIANCE,
} from './shape';

/**
 * K, a = γ/σ and b = β − δ·a of channels [from, to).
 */
export function batchNormAffine(
  coefficients: Coefficients, // [5, c] f32; p and q are left as they are
  statistics: Statistics, // [4, c] f32
  weight: usize, // [c] f32, γ; 0: all one
  bias: usize, // [c] f32, β; 0: all zero
  c: i32,
  from: i32,
  to: i32,
): void {
  for (let j = from; j < to; j += 4) {
    const count = to - j;
    let a = loadVector(cell(statistics, c, INV_STD, j), 0, count);
    if (weight) a = f32x4.mul(a, loadVector(at(weight, j), 0, count));
    let b = f32x4.splat(0);
    if (bias) b = loadVector(at(bias, j), 0, count);
    b = f32x4.sub(b, f32x4.mul(loadVector(cell(statistics, c, DELTA, j), 0, count), a));
    storeVector(at(coefficients, j), loadVector(at(statistics, j), 0, count), count);
    storeVector(cell(coefficients, c, SCALE, j), a, count);
    storeVector(cell(coefficients, c, OFFSET, j), b, count);
  }
}

/**
 * dγ += G/σ and dβ += B, added to what they hold, and p and q of dx, for channels [from, to).
 */
export function batchNormAffineBackward(
  dWeight: usize, // [c] f32, added to; 0: not needed
  dBias: usize, // [c] f32, added to; 0: not needed
  coefficients: Coefficients, // [5, c] f32; a is read, p and q are written
  statistics: Statistics, // [4, c] f32
  c: i32,
  m: f64,
  from: i32,
  to: i32,
  scratch: usize, // as batchNormBackwardSums left it: [2, C] f64, Σ dy and Σ dy·d
): void {
  const products = totalsBytes(c);
  for (let j = from; j < to; j++) {
    const total = scratch + ((<usize>j) << 3);
    const d = <f64>f32.load(cell(statistics, c, DELTA, j));
    const s = <f64>f32.load(cell(statistics, c, INV_STD, j));
    const sum = f64.load(total);
    const product = f64.load(total + products) - d * sum;
    if (dWeight) {
      f32.store(at(dWeight, j), <f32>(<f64>f32.load(at(dWeight, j)) + product * s));
    }
    if (dBias) f32.store(at(dBias, j), <f32>(<f64>f32.load(at(dBias, j)) + sum));
    const a = <f64>f32.load(cell(coefficients, c, SCALE, j)) / m;
    const p = <f32>(-a * s * s * product);
    f32.store(cell(coefficients, c, SLOPE, j), p);
    // from the rounded p, so that Σ dx over the channel stays as near to 0 as float32 allows
    f32.store(cell(coefficients, c, INTERCEPT, j), <f32>(-a * sum - <f64>p * d));
  }
}

/**
 * Running statistics instead of a batch's, for channels [from, to): K + δ = running mean and
 * σ = √(running variance + eps). If the mean is within four standard deviations of 0, K = 0, which saves a
 * subtraction an element; otherwise δ = 0. The statistics are a copy, so that a backward pass uses the same
 * numbers as its forward.
 */
export function batchNormRunning(
  statistics: Statistics, // [4, c] f32; the variance is left as it is
  runningMean: usize, // [c] f32
  runningVar: usize, // [c] f32
  c: i32,
  eps: f32,
  from: i32,
  to: i32,
): void {
  for (let j = from; j < to; j += 4) {
    const count = to - j;
    const sd = f32x4.sqrt(f32x4.add(loadVector(at(runningVar, j), 0, count), f32x4.splat(eps)));
    const mean = loadVector(at(runningMean, j), 0, count);
    const near = f32x4.le(f32x4.abs(mean), f32x4.mul(sd, f32x4.splat(4)));
    storeVector(at(statistics, j), v128.andnot(mean, near), count);
    storeVector(cell(statistics, c, DELTA, j), v128.and(mean, near), count);
    storeVector(cell(statistics, c, INV_STD, j), f32x4.div(f32x4.splat(1), sd), count);
  }
}

/**
 * Moving averages, running ← (1 − momentum)·running + momentum·new, where the new mean is K + δ and the
 * new variance is variance·correction: m/(m − 1) makes it unbiased, 1 leaves it biased. Momentum 1/t makes
 * them the average of t batches. For channels [from, to).
 */
export function batchNormUpdateRunning(
  runningMean: usize, // [c] f32, in and out
  runningVar: usize, // [c] f32, in and out
  statistics: Statistics, // [3, c] f32: K, δ, variance
  c: i32,
  correction: f64,
  momentum: f64,
  from: i32,
  to: i32,
): void {
  const keep = 1 - momentum;
  const spread = momentum * correction;
  for (let j = from; j < to; j++) {
    const mean = <f64>f32.load(at(statistics, j)) + <f64>f32.load(cell(statistics, c, DELTA, j));
    const variance = <f64>f32.load(cell(statistics, c, VARIANCE, j));
    const mu = keep * <f64>f32.load(at(runningMean, j)) + momentum * mean;
    const v = keep * <f64>f32.load(at(runningVar, j)) + spread * variance;
    f32.store(at(runningMean, j), <f32>mu);
    f32.store(at(runningVar, j), <f32>v);
  }
}

/**
 * Totals → δ, variance and 1/σ of channels [from, to). On the first call a channel whose shift is more than
 * four standard deviations from the mean gets the shift K + δ; returns whether there was one. With a mask
 * everything is float64 until it is stored; without one the last steps are float32, four channels at once.
 * @inline
 */
export function finishStatistics(
  masked: bool,
  statistics: Statistics, // [4, c] f32; K is read, on the first call also written
  totals: usize, // [2, C] f64: Σd, Σd²
  c: i32,
  m: f64,
  eps: f32,
  from: i32,
  to: i32,
  first: bool,
): bool {
  const share = masked ? f64x2.splat(m) : f64x2.splat(1 / m);
  const products = totalsBytes(c);
  let moved: bool = false;
  for (let j = from; j < to; j += 4) {
    const count = to - j;
    const t = totals + ((<usize>j) << 3);
    const d0 = shared(masked, v128.load(t), share);
    const d1 = shared(masked, v128.load(t, 16), share);
    const v0 = spread(shared(masked, v128.load(t + products), share), d0);
    const v1 = spread(shared(masked, v128.load(t + products, 16), share), d1);
    const d = narrow(d0, d1);
    const v = narrow(v0, v1);
    storeVector(cell(statistics, c, DELTA, j), d, count);
    storeVector(cell(statistics, c, VARIANCE, j), v, count);
    const invStd = masked
      ? narrow(invStd64(v0, eps), invStd64(v1, eps))
      : f32x4.div(f32x4.splat(1), f32x4.sqrt(f32x4.add(v, f32x4.splat(eps))));
    storeVector(cell(statistics, c, INV_STD, j), invStd, count);
    if (first) {
      const inside = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count));
      const far = masked
        ? lowHalves(isFar64(d0, v0), isFar64(d1, v1))
        : f32x4.gt(f32x4.mul(d, d), f32x4.mul(v, f32x4.splat(16)));
      if (v128.any_true(v128.and(far, inside))) {
        const k = loadVector(at(statistics, j), 0, count);
        const near = masked
          ? narrow(f64x2.add(widenLow(k), d0), f64x2.add(widenHigh(k), d1))
          : f32x4.add(k, d);
        storeVector(at(statistics, j), v128.bitselect(near, k, far), count);
        moved = true;
      }
    }
  }
  return moved;
}

/** @inline */
function shared(masked: bool, total: v128, share: v128): v128 {
  return masked ? f64x2.div(total, share) : f64x2.mul(total, share);
}

/**
 * max(Σd²/m − δ², 0), because rounding can make the difference negative. NaN stays NaN.
 * @inline
 */
function spread(square: v128, d: v128): v128 {
  return f64x2.pmax(f64x2.sub(square, f64x2.mul(d, d)), f64x2.splat(0));
}

/** @inline */
function invStd64(v: v128, eps: f32): v128 {
  return f64x2.div(f64x2.splat(1), f64x2.sqrt(f64x2.add(v, f64x2.splat(eps))));
}

/** @inline */
function isFar64(d: v128, v: v128): v128 {
  return f64x2.gt(f64x2.mul(d, d), f64x2.mul(v, f64x2.splat(16)));
}

/**
 * Two pairs of 64-bit masks as four 32-bit masks: the low half of each.
 *
 *   low   0 0 1 1    high   2 2 3 3    →   0 1 2 3
 *
 * @inline
 */
function lowHalves(low: v128, high: v128): v128 {
  return i8x16.shuffle(low, high, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
}

/**
 * Batch renormalization: a training batch is normalised by its own statistics, which are then corrected
 * towards the running ones within bounds. Per channel, with σ the running and σ_B the batch's
 * √(variance + eps):
 *
 *   r = clamp(σ_B/σ, 1/rMax, rMax)      d = clamp((mean_B − mean)/σ, −dMax, dMax)
 *   y = γ·((x − mean_B)/σ_B·r + d) + β
 *
 * r and d count as constants in the gradient. So with mean_B = K + δ
 *
 *   y = (x − K)·a + b      a = γ·r/σ_B      b = γ·d + β − δ·a
 *
 * and dx is that of batch norm with this a. Only dγ differs: dγ = r·G/σ_B + d·B.
 */
@unmanaged
export class RenormBounds {
  c: i32;
  eps: f64;
  rMax: f64;
  dMax: f64;
}

/**
 * r and d, and K, a and b instead of batchNormAffine's, for channels [from, to).
 */
export function batchNormRenorm(
  coefficients: Coefficients, // [5, c] f32; p and q are left as they are
  statistics: Statistics, // [6, c] f32: the batch's; r and d are written
  runningMean: usize, // [c] f32
  runningVar: usize, // [c] f32
  weight: usize, // [c] f32, γ; 0: all one
  bias: usize, // [c] f32, β; 0: all zero
  bounds: RenormBounds,
  from: i32,
  to: i32,
): void {
  const c = bounds.c;
  const rMax = bounds.rMax;
  const dMax = bounds.dMax;
  for (let j = from; j < to; j++) {
    const gamma: f64 = weight ? <f64>f32.load(at(weight, j)) : 1;
    const beta: f64 = bias ? <f64>f32.load(at(bias, j)) : 0;
    const own = <f64>f32.load(cell(statistics, c, INV_STD, j));
    const sd = sqrt(<f64>f32.load(at(runningVar, j)) + bounds.eps);
    // K and the running mean are near each other: subtracting them first keeps the digits of δ
    const k = f32.load(at(statistics, j));
    const difference = <f64>k - <f64>f32.load(at(runningMean, j));
    const delta = <f64>f32.load(cell(statistics, c, DELTA, j));
    const r = clamp(1 / (own * sd), 1 / rMax, rMax);
    const d = clamp((difference + delta) / sd, -dMax, dMax);
    const a = <f32>(gamma * r * own);
    f32.store(cell(statistics, c, RATIO, j), <f32>r);
    f32.store(cell(statistics, c, DRIFT, j), <f32>d);
    f32.store(at(coefficients, j), k);
    f32.store(cell(coefficients, c, SCALE, j), a);
    f32.store(cell(coefficients, c, OFFSET, j), <f32>(gamma * d + beta - delta * <f64>a));
  }
}

/** v between low and high; NaN stays. */
function clamp(v: f64, low: f64, high: f64): f64 {
  return min(max(v, low), high);
}

/**
 * dγ += r·G/σ_B + d·B for channels [from, to). dβ, p and q are batchNormAffineBackward's.
 */
export function batchNormRenormBackward(
  dWeight: usize, // [c] f32, added to
  statistics: Statistics, // [6, c] f32
  c: i32,
  from: i32,
  to: i32,
  scratch: usize, // as batchNormBackwardSums left it: [2, C] f64, Σ dy and Σ dy·d
): void {
  const products = totalsBytes(c);
  for (let j = from; j < to; j++) {
    const total = scratch + ((<usize>j) << 3);
    const sum = f64.load(total);
    const delta = <f64>f32.load(cell(statistics, c, DELTA, j));
    const product = f64.load(total + products) - delta * sum;
    const r =
      <f64>f32.load(cell(statistics, c, RATIO, j)) * <f64>f32.load(cell(statistics, c, INV_STD, j));
    const d = <f64>f32.load(cell(statistics, c, DRIFT, j));
    const g = at(dWeight, j);
    f32.store(g, <f32>(<f64>f32.load(g) + r * product + d * sum));
  }
}
