/**
 * Batch norm. For each channel, over its m values,
 *
 *   mean = Σx/m      variance = Σ(x − mean)²/m      y = γ·(x − mean)/√(variance + eps) + β
 *
 * A training step calls, in this order (equations.ts and channels.ts have the algebra):
 *
 *   batchNormStatistics       x → K, δ, variance, 1/σ           reads x
 *   batchNormAffine           → a, b                            channels.ts
 *   batchNormForward          y = (x − K)·a + b                 reads x, writes y
 *   batchNormUpdateRunning    → running statistics              channels.ts
 *
 *   batchNormBackwardSums     Σ dy, Σ dy·(x − K)                reads dy, x
 *   batchNormAffineBackward   → dγ, dβ, p, q                    channels.ts
 *   batchNormBackward         dx = dy·a + (x − K)·p + q         reads dy, x, writes dx
 *
 * Each kernel here takes x in either layout, planes (planes.ts) or rows (rows.ts), as the shape says. The
 * kernels at the end of this file do the same with a mask of the positions that count.
 */

import { finishStatistics } from './channels';
import { GRADIENT, GRADIENT_RELU, STATISTICS } from './equations';
import { sumMaskedRows } from './masked-row-sums';
import { sumMaskedPlanes, sumPlanes } from './plane-sums';
import { backwardPlanes, forwardPlanes } from './planes';
import { sumRows } from './row-sums';
import { backwardRows, forwardMaskedRows, forwardRows } from './rows';
import {
  BatchNormShape,
  Coefficients,
  OFFSET,
  repeatedRows,
  rowOf,
  SCALE,
  Statistics,
} from './shape';
import { chooseMaskedShifts, chooseShifts } from './shift';

/**
 * Statistics of channels [from, to), of a batch: with d = x − K
 *
 *   δ = Σd/m      variance = Σd²/m − δ²      1/σ = 1/√(variance + eps)      mean = K + δ
 *
 * If K was not near the mean (δ² > 16·variance) the channel is summed once more around K + δ. K + δ is
 * never rounded into one float32 on the way to y or dx: at mean/σ = 1e4 that alone would cost 5e-4 σ.
 */
export function batchNormStatistics(
  statistics: Statistics, // [4, c] f32
  x: usize, // [n, c, s] or [n, c] f32
  shape: BatchNormShape,
  eps: f32,
  from: i32,
  to: i32,
  scratch: usize, // batchNormScratch(shape) bytes
): void {
  const c = shape.c;
  const s = max(shape.s, 1);
  const m = <f64>shape.n * <f64>s;
  chooseShifts(statistics, x, shape.n, c, s, from, to);
  sumSquares(statistics, x, shape, from, to, scratch);
  const step = shape.s ? 4 : 16;
  for (let j = from; j < to; j += step) {
    const stop = min(j + step, to);
    if (finish(statistics, scratch, c, m, eps, j, stop, true)) {
      sumSquares(statistics, x, shape, j, stop, scratch);
      finish(statistics, scratch, c, m, eps, j, stop, false);
    }
  }
}

/** Σd and Σd² of channels [from, to). */
function sumSquares(
  statistics: Statistics,
  x: usize,
  shape: BatchNormShape,
  from: i32,
  to: i32,
  scratch: usize,
): void {
  if (shape.s) sumPlanes(STATISTICS, scratch, statistics, 0, 0, 0, x, shape, from, to);
  else sumRows(STATISTICS, scratch, statistics, 0, 0, 0, x, shape, from, to);
}

function finish(
  statistics: Statistics,
  totals: usize,
  c: i32,
  m: f64,
  eps: f32,
  from: i32,
  to: i32,
  first: bool,
): bool {
  return finishStatistics(false, statistics, totals, c, m, eps, from, to, first);
}

/**
 * y = (x − K)·a + b, or max(that, 0) with `relu`, for samples (rows) [from, to). y may be x.
 */
export function batchNormForward(
  y: usize, // [n, c, s] or [n, c] f32
  coefficients: Coefficients, // [3, c] f32: K, a, b
  x: usize, // as y
  shape: BatchNormShape,
  relu: bool,
  from: i32,
  to: i32,
  scratch: usize, // batchNormScratch(shape) bytes
): void {
  if (shape.s) forwardPlanes(false, y, coefficients, x, 0, shape, relu, from, to);
  else {
    const repeated = repeatedRows(scratch, shape.c);
    forwardRows(y, coefficients, x, shape, relu, from, to, repeated);
  }
}

/**
 * Σ dy and Σ dy·(x − K) of channels [from, to), which batchNormAffineBackward finds at the start of
 * scratch. With `relu`, dy counts only where the ReLU passes it: where y is not ≤ 0.
 */
export function batchNormBackwardSums(
  coefficients: Coefficients, // [3, c] f32: K, and with relu a, b
  dy: usize, // [n, c, s] or [n, c] f32
  x: usize, // as dy
  shape: BatchNormShape,
  relu: bool,
  from: i32,
  to: i32,
  scratch: usize, // batchNormScratch(shape) bytes
): void {
  const a = rowOf(coefficients, shape.c, SCALE);
  const b = rowOf(coefficients, shape.c, OFFSET);
  if (!shape.s) {
    const kind = relu ? GRADIENT_RELU : GRADIENT;
    sumRows(kind, scratch, coefficients, a, b, dy, x, shape, from, to);
  } else if (relu) {
    sumPlanes(GRADIENT_RELU, scratch, coefficients, a, b, dy, x, shape, from, to);
  } else sumPlanes(GRADIENT, scratch, coefficients, 0, 0, dy, x, shape, from, to);
}

/**
 * dx = dy·a + (x − K)·p + q for samples (rows) [from, to), of the dy that the ReLU passes. Overwrites; dx
 * may be dy.
 */
export function batchNormBackward(
  dx: usize, // [n, c, s] or [n, c] f32
  coefficients: Coefficients, // [5, c] f32
  dy: usize, // as dx
  x: usize, // as dx
  shape: BatchNormShape,
  relu: bool,
  from: i32,
  to: i32,
  scratch: usize, // batchNormScratch(shape) bytes
): void {
  backward(false, false, dx, coefficients, dy, x, 0, shape, relu, from, to, scratch);
}

/**
 * dx = dy·a for samples (rows) [from, to), if the statistics were constants, of the dy that the ReLU
 * passes. Overwrites; dx may be dy.
 */
export function batchNormFrozenBackward(
  dx: usize, // [n, c, s] or [n, c] f32
  coefficients: Coefficients, // [3, c] f32: a, and with relu K, b
  dy: usize, // as dx
  x: usize, // as dx; read with relu only
  shape: BatchNormShape,
  relu: bool,
  from: i32,
  to: i32,
  scratch: usize, // batchNormScratch(shape) bytes
): void {
  backward(true, false, dx, coefficients, dy, x, 0, shape, relu, from, to, scratch);
}

/**
 * dx in either layout; `frozen` and `masked` are literals, so that each kernel is compiled with its own
 * loops. @inline
 */
function backward(
  frozen: bool,
  masked: bool,
  dx: usize,
  coefficients: Coefficients,
  dy: usize,
  x: usize,
  mask: usize,
  shape: BatchNormShape,
  relu: bool,
  from: i32,
  to: i32,
  scratch: usize,
): void {
  if (shape.s) {
    backwardPlanes(frozen, masked, dx, coefficients, dy, x, mask, shape, relu, from, to);
  } else {
    const repeated = repeatedRows(scratch, shape.c);
    backwardRows(frozen, masked, dx, coefficients, dy, x, mask, shape, relu, from, to, repeated);
  }
}

// --- With a mask: 1 where a position counts, 0 where it does not. x and dy may hold anything there. ---

/**
 * As batchNormStatistics, over the m positions that count.
 */
export function batchNormMaskedStatistics(
  statistics: Statistics, // [4, c] f32
  x: usize, // [n, c, s] or [n, c] f32
  mask: usize, // [n, s] or [n] f32
  shape: BatchNormShape,
  m: i32,
  eps: f32,
  from: i32,
  to: i32,
  scratch: usize, // batchNormScratch(shape) bytes
): void {
  const c = shape.c;
  chooseMaskedShifts(statistics, x, mask, shape.n, c, shape.s, from, to);
  maskedSums(false, scratch, statistics, x, x, mask, shape, from, to);
  if (finishMasked(statistics, scratch, c, m, eps, from, to, true)) {
    maskedSums(false, scratch, statistics, x, x, mask, shape, from, to);
    finishMasked(statistics, scratch, c, m, eps, from, to, false);
  }
}

function finishMasked(
  statistics: Statistics,
  totals: usize,
  c: i32,
  m: f64,
  eps: f32,
  from: i32,
  to: i32,
  first: bool,
): bool {
  return finishStatistics(true, statistics, totals, c, m, eps, from, to, first);
}

/**
 * Σ u and Σ u·d of channels [from, to), where u = dy for the `gradient` and u = d for the statistics. One
 * function computes both, because only their innermost loops differ.
 */
function maskedSums(
  gradient: bool,
  scratch: usize,
  shift: usize,
  dy: usize,
  x: usize,
  mask: usize,
  shape: BatchNormShape,
  from: i32,
  to: i32,
): void {
  if (shape.s) {
    sumMaskedPlanes(gradient, scratch, shift, dy, x, mask, shape, from, to);
    return;
  }
  const n = shape.n;
  const c = shape.c;
  const repeated = repeatedRows(scratch, c);
  sumMaskedRows(gradient, scratch, shift, dy, x, mask, n, c, from, to, repeated);
}

/**
 * y = (x − K)·a + b where the mask is not 0, else 0, for samples (rows) [from, to). y may be x.
 */
export function batchNormMaskedForward(
  y: usize, // [n, c, s] or [n, c] f32
  coefficients: Coefficients, // [3, c] f32: K, a, b
  x: usize, // as y
  mask: usize, // [n, s] or [n] f32
  shape: BatchNormShape,
  from: i32,
  to: i32,
): void {
  if (shape.s) forwardPlanes(true, y, coefficients, x, mask, shape, false, from, to);
  else forwardMaskedRows(y, coefficients, x, mask, shape, from, to);
}

/**
 * As batchNormBackwardSums, over the positions that count.
 */
export function batchNormMaskedBackwardSums(
  coefficients: Coefficients, // [1, c] f32: K
  dy: usize, // [n, c, s] or [n, c] f32
  x: usize, // as dy
  mask: usize, // [n, s] or [n] f32
  shape: BatchNormShape,
  from: i32,
  to: i32,
  scratch: usize, // batchNormScratch(shape) bytes
): void {
  maskedSums(true, scratch, coefficients, dy, x, mask, shape, from, to);
}

/**
 * dx = dy·a + (x − K)·p + q where the mask is not 0, else 0, for samples (rows) [from, to). Overwrites; dx
 * may be dy.
 */
export function batchNormMaskedBackward(
  dx: usize, // [n, c, s] or [n, c] f32
  coefficients: Coefficients, // [5, c] f32
  dy: usize, // as dx
  x: usize, // as dx
  mask: usize, // [n, s] or [n] f32
  shape: BatchNormShape,
  from: i32,
  to: i32,
  scratch: usize, // batchNormScratch(shape) bytes
): void {
  backward(false, true, dx, coefficients, dy, x, mask, shape, false, from, to, scratch);
}

/**
 * dx = dy·a where the mask is not 0, else 0, for samples (rows) [from, to), if the statistics were
 * constants. Overwrites; dx may be dy.
 */
export function batchNormMaskedFrozenBackward(
  dx: usize, // [n, c, s] or [n, c] f32
  coefficients: Coefficients, // [2, c] f32: a
  dy: usize, // as dx
  mask: usize, // [n, s] or [n] f32
  shape: BatchNormShape,
  from: i32,
  to: i32,
  scratch: usize, // batchNormScratch(shape) bytes
): void {
  backward(true, true, dx, coefficients, dy, dx, mask, shape, false, from, to, scratch);
}
