/**
 * Softmax cross-entropy of logits x [n, c, inner] against classes. With p = softmax(x) over c, class
 * weights ω (1 if absent), smoothing ε and labels ℓ, the loss of a position is
 *
 *   L = Σ_k a_k·(−ln p_k),   a_k = (1 − ε)·ω_ℓ·[k = ℓ] + (ε / c)·ω_k,
 *
 * and zero if ℓ = ignoreIndex; its gradient is dx_k = (Σ_j a_j)·p_k − a_k. The mean divides by
 * `crossEntropyWeight`, Σ ω_ℓ over the positions that count. −ln p_k is computed as
 * ln Σ_j exp(x_j − m) − (x_k − m), not from the rounded p_k. The backward usually overwrites p with the gradient.
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
import { at, loadUpTo, storeUpTo } from '../lanes';
import { logLanes } from '../math';

/** The sizes of the logits [n, c, inner], and the loss's options. */
@unmanaged
export class CrossEntropyShape {
  c: i32; // classes
  inner: i32;
  ignoreIndex: i32; // of labels; unused with probabilities
  smoothing: f64; // ε
}

/**
 * ω_k, or 1 if there are no weights.
 * @inline
 */
function classWeight(weight: usize, k: i32): f64 {
  return weight ? <f64>load<f32>(at(weight, k)) : 1;
}

/** Σ_k ω_k. */
function totalWeight(weight: usize, c: i32): f64 {
  if (!weight) return <f64>c;
  let sum: f64 = 0;
  for (let k = 0; k < c; k++) sum += <f64>load<f32>(at(weight, k));
  return sum;
}

/** Σ ω_ℓ over the positions [from, to) whose label is not ignoreIndex: the divisor of the mean. */
export function crossEntropyWeight(
  labels: usize, // [n, inner] i32
  weight: usize, // [c] f32, or 0
  ignoreIndex: i32,
  from: i32,
  to: i32,
): f64 {
  let sum: f64 = 0;
  for (let i = from; i < to; i++) {
    const label = load<i32>(at(labels, i));
    if (label != ignoreIndex) sum += classWeight(weight, label);
  }
  return sum;
}

/**
 * The loss of one position, in float64: a_ℓ's part, and with smoothing the sum over all classes.
 * `x` is the address of the position's first logit; the next one is `stride` bytes further.
 */
function labelLoss(
  x: usize,
  label: i32,
  weight: usize,
  c: i32,
  stride: usize,
  smoothing: f64,
  m: f64,
  log: f64,
): f64 {
  const z = <f64>load<f32>(x + <usize>label * stride) - m;
  const loss = (1 - smoothing) * classWeight(weight, label) * (log - z);
  if (smoothing == 0) return loss;
  let spread: f64 = 0;
  for (let k = 0; k < c; k++) {
    spread += classWeight(weight, k) * (log - (<f64>load<f32>(x) - m));
    x += stride;
  }
  return loss + (smoothing / <f64>c) * spread;
}

/** Writes p and returns ΣL for rows [from, to) of n, summed in float64 in the order of positions. */
export function crossEntropyForward(
  p: usize, // [n, c, inner] f32: softmax(x), for crossEntropyBackward
  x: usize, // [n, c, inner] f32
  labels: usize, // [n, inner] i32, each in [0, c) or ignoreIndex
  weight: usize, // [c] f32, or 0
  shape: CrossEntropyShape,
  from: i32,
  to: i32,
): f64 {
  const c = shape.c;
  const inner = shape.inner;
  const smoothing = shape.smoothing;
  const ignoreIndex = shape.ignoreIndex;
  const stride = (<usize>inner) << 2;
  let total: f64 = 0;
  for (let r = from; r < to; r++) {
    const offset = <usize>r * <usize>c * stride;
    const row = labels + <usize>r * stride;
    if (inner == 1) {
      const a = x + offset;
      const m = rowMax(a, c);
      const sum = rowExp(p + offset, a, m, c);
      rowScale(p + offset, 1 / sum, c);
      const label = load<i32>(row);
      if (label != ignoreIndex) {
        total += labelLoss(a, label, weight, c, stride, smoothing, m, logOf(sum));
      }
      continue;
    }
    for (let i = 0; i < inner; i += 4) {
      const count = min(inner - i, 4);
      const a = at(x + offset, i);
      const q = at(p + offset, i);
      let m = columnMax(a, c, stride, count);
      const sum = columnExp(q, a, m, c, stride, count);
      columnScale(q, f32x4.div(f32x4.splat(1), sum), c, stride, count);
      let log = logLanes(sum);
      for (let l = 0; l < count; l++) {
        const label = load<i32>(at(row, i + l));
        if (label != ignoreIndex) {
          const m0: f32 = f32x4.extract_lane(m, 0);
          const log0: f32 = f32x4.extract_lane(log, 0);
          total += labelLoss(at(a, l), label, weight, c, stride, smoothing, m0, log0);
        }
        m = nextLane(m);
        log = nextLane(log);
      }
    }
  }
  return total;
}

/**
 * Lanes 1, 2, 3, 0.
 * @inline
 */
function nextLane(v: v128): v128 {
  return i8x16.shuffle(v, v, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3);
}

/**
 * dx_k = scale·((Σ_j a_j)·p_k − a_k) for rows [from, to) of n, zero at ignored positions; dx may be
 * p, and usually is.
 */
export function crossEntropyBackward(
  dx: usize, // [n, c, inner] f32
  p: usize, // [n, c, inner] f32: from crossEntropyForward
  labels: usize, // [n, inner] i32
  weight: usize, // [c] f32, or 0
  shape: CrossEntropyShape,
  scale: f64,
  from: i32,
  to: i32,
): void {
  const c = shape.c;
  const inner = shape.inner;
  const smoothing = shape.smoothing;
  const ignoreIndex = shape.ignoreIndex;
  const stride = (<usize>inner) << 2;
  const each = (scale * smoothing) / <f64>c;
  const all = each * totalWeight(weight, c);
  const own = scale * (1 - smoothing);
  for (let r = from; r < to; r++) {
    const offset = <usize>r * <usize>c * stride;
    const row = labels + <usize>r * stride;
    if (inner == 1) {
      const label = load<i32>(row);
      if (label == ignoreIndex) {
        gradientRow(dx + offset, p + offset, weight, c, 0, 0);
        continue;
      }
      const mine = own * classWeight(weight, label);
      gradientRow(dx + offset, p + offset, weight, c, <f32>(all + mine), <f32>each);
      subtract(at(dx + offset, label), <f32>mine);
      continue;
    }
    for (let i = 0; i < inner; i += 4) {
      const count = min(inner - i, 4);
      let factor = f32x4.splat(0);
      let spread = f32x4.splat(0);
      for (let l = 0; l < 4; l++) {
        const label = l < count ? load<i32>(at(row, i + l)) : ignoreIndex;
        const counts = label != ignoreIndex;
        const sum = counts ? all + own * classWeight(weight, label) : 0;
        factor = nextLane(f32x4.replace_lane(factor, 0, <f32>sum));
        spread = nextLane(f32x4.replace_lane(spread, 0, <f32>(counts ? each : 0)));
      }
      const d = at(dx + offset, i);
      gradientColumn(d, at(p + offset, i), weight, c, stride, count, factor, spread);
      for (let l = 0; l < count; l++) {
        const label = load<i32>(at(row, i + l));
        if (label == ignoreIndex) continue;
        subtract(at(d, l) + <usize>label * stride, <f32>(own * classWeight(weight, label)));
      }
    }
  }
}

/** @inline */
function subtract(p: usize, v: f32): void {
  store<f32>(p, load<f32>(p) - v);
}

/** dx_k = factor·p_k − spread·ω_k over a row. */
function gradientRow(
  dx: usize, // [c] f32
  p: usize, // [c] f32
  weight: usize, // [c] f32, or 0
  c: i32,
  factor: f32,
  spread: f32,
): void {
  const f = f32x4.splat(factor);
  const e = f32x4.splat(spread);
  let w = f32x4.splat(1);
  for (let k = 0; k < c; k += 4) {
    const count = c - k;
    if (weight) w = loadUpTo(at(weight, k), count);
    const d = f32x4.sub(f32x4.mul(f, loadUpTo(p, count)), f32x4.mul(e, w));
    storeUpTo(dx, d, count);
    p += 16;
    dx += 16;
  }
}

/** dx_k = factor·p_k − spread·ω_k down a column of up to four positions. */
function gradientColumn(
  dx: usize, // [c, inner] f32
  p: usize, // [c, inner] f32
  weight: usize, // [c] f32, or 0
  c: i32,
  stride: usize,
  count: i32,
  factor: v128,
  spread: v128,
): void {
  for (let k = 0; k < c; k++) {
    const e = f32x4.mul(spread, f32x4.splat(<f32>classWeight(weight, k)));
    storeUpTo(dx, f32x4.sub(f32x4.mul(factor, loadUpTo(p, count)), e), count);
    p += stride;
    dx += stride;
  }
}
