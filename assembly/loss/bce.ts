/**
 * Binary cross-entropy with logits x and targets t in [0, 1], both [rows, n], with a weight ω and a
 * weight ρ of the positive class for each of the n columns (1 if absent; n = size and one row for a
 * weight of every element):
 *
 *   L = ω·((1 − t)·softplus(x) + ρ·t·softplus(−x)),   dL/dx = ω·((1 − t)·σ(x) − ρ·t·σ(−x)).
 *
 * Both are made of e = e^−|x|: softplus(±x) = ln(1 + e) + max(±x, 0) and σ(±x) = 1 / (1 + e) or
 * e / (1 + e). So nothing overflows, and a confident right answer keeps its small loss and gradient,
 * which (1 − t)·x + softplus(−x) would lose to cancellation.
 */
import { at, keepUpTo, loadUpTo, storeUpTo } from '../lanes';
import { expNonPositive, log1pUnit, logLanes } from '../math';
import { addWide, sumWide } from '../reduce';

/**
 * Up to four column weights from j, or ones.
 * @inline
 */
function columnWeights(weight: usize, j: i32, count: i32): v128 {
  return weight ? loadUpTo(at(weight, j), count) : f32x4.splat(1);
}

/**
 * ln(1 + e^−|x|).
 * @inline
 */
function logTerm(x: v128): v128 {
  return log1pUnit(expNonPositive(f32x4.neg(f32x4.abs(x))));
}

/**
 * L of up to four elements of a row, from column j, given ln(1 + e^−|x|).
 * @inline
 */
function loss(
  log: v128,
  x: usize,
  t: usize,
  weight: usize,
  positiveWeight: usize,
  j: i32,
  count: i32,
): v128 {
  const zero = f32x4.splat(0);
  const v = loadUpTo(at(x, j), count);
  const target = loadUpTo(at(t, j), count);
  const up = f32x4.add(log, f32x4.pmax(v, zero));
  const down = f32x4.add(log, f32x4.pmax(f32x4.neg(v), zero));
  const rho = columnWeights(positiveWeight, j, count);
  const negative = f32x4.mul(f32x4.sub(f32x4.splat(1), target), up);
  const terms = f32x4.add(negative, f32x4.mul(f32x4.mul(rho, target), down));
  return f32x4.mul(columnWeights(weight, j, count), terms);
}

/** ΣL over rows [from, to). */
export function bceWithLogitsForward(
  x: usize, // [rows, n] f32
  t: usize, // [rows, n] f32
  weight: usize, // [n] f32, or 0
  positiveWeight: usize, // [n] f32, or 0
  n: i32,
  from: i32,
  to: i32,
): f64 {
  let sum = f64x2.splat(0);
  for (let r = from; r < to; r++) {
    const offset = (<usize>r * <usize>n) << 2;
    let j = 0;
    // Four logarithms side by side: one alone waits for itself, and takes 2.3 times as long.
    for (; j + 16 <= n; j += 16) {
      const p = at(x + offset, j);
      const log0 = logTerm(v128.load(p, 0));
      const log1 = logTerm(v128.load(p, 16));
      const log2 = logTerm(v128.load(p, 32));
      const log3 = logTerm(v128.load(p, 48));
      sum = addWide(sum, loss(log0, x + offset, t + offset, weight, positiveWeight, j, 4));
      sum = addWide(sum, loss(log1, x + offset, t + offset, weight, positiveWeight, j + 4, 4));
      sum = addWide(sum, loss(log2, x + offset, t + offset, weight, positiveWeight, j + 8, 4));
      sum = addWide(sum, loss(log3, x + offset, t + offset, weight, positiveWeight, j + 12, 4));
    }
    for (; j < n; j += 4) {
      const count = n - j;
      const log = logTerm(loadUpTo(at(x + offset, j), count));
      const terms = loss(log, x + offset, t + offset, weight, positiveWeight, j, count);
      sum = addWide(sum, keepUpTo(terms, count));
    }
  }
  return sumWide(sum);
}

/** dx = scale·dL/dx for rows [from, to); dx may be x or t. */
export function bceWithLogitsBackward(
  dx: usize, // [rows, n] f32
  x: usize, // [rows, n] f32
  t: usize, // [rows, n] f32
  weight: usize, // [n] f32, or 0
  positiveWeight: usize, // [n] f32, or 0
  n: i32,
  scale: f64,
  from: i32,
  to: i32,
): void {
  const factor = f32x4.splat(<f32>scale);
  const one = f32x4.splat(1);
  for (let r = from; r < to; r++) {
    const offset = (<usize>r * <usize>n) << 2;
    for (let j = 0; j < n; j += 4) {
      const count = n - j;
      const target = loadUpTo(at(t + offset, j), count);
      const v = loadUpTo(at(x + offset, j), count);
      const e = expNonPositive(f32x4.neg(f32x4.abs(v)));
      const large = f32x4.div(one, f32x4.add(one, e));
      const small = f32x4.mul(e, large);
      const left = f32x4.lt(v, f32x4.splat(0));
      const up = v128.bitselect(small, large, left); // σ(x)
      const down = v128.bitselect(large, small, left); // σ(−x)
      const rho = columnWeights(positiveWeight, j, count);
      const negative = f32x4.mul(f32x4.sub(one, target), up);
      const d = f32x4.sub(negative, f32x4.mul(f32x4.mul(rho, target), down));
      const weighted = f32x4.mul(columnWeights(weight, j, count), d);
      storeUpTo(at(dx + offset, j), f32x4.mul(factor, weighted), count);
    }
  }
}

/**
 * Binary cross-entropy of probabilities x and targets t, both [rows, n], with weights ω as above: ΣL over
 * rows [from, to),
 *
 *   L = −ω·(t·max(ln x, −100) + (1 − t)·max(ln(1 − x), −100)).
 */
export function bceForward(
  x: usize, // [rows, n] f32, each from 0 to 1
  t: usize, // [rows, n] f32
  weight: usize, // [n] f32, or 0
  n: i32,
  from: i32,
  to: i32,
): f64 {
  let sum = f64x2.splat(0);
  const one = f32x4.splat(1);
  const low = f32x4.splat(-100);
  for (let r = from; r < to; r++) {
    const offset = (<usize>r * <usize>n) << 2;
    for (let j = 0; j < n; j += 4) {
      const count = n - j;
      const p = loadUpTo(at(x + offset, j), count);
      const target = loadUpTo(at(t + offset, j), count);
      const up = f32x4.pmax(logLanes(p), low);
      const down = f32x4.pmax(logLanes(f32x4.sub(one, p)), low);
      const log = f32x4.add(f32x4.mul(target, up), f32x4.mul(f32x4.sub(one, target), down));
      const weighted = f32x4.mul(columnWeights(weight, j, count), log);
      sum = addWide(sum, keepUpTo(weighted, count));
    }
  }
  return -sumWide(sum);
}

/** dx = scale·ω·(x − t) / max(x·(1 − x), 10⁻¹²) for rows [from, to); dx may be x or t. */
export function bceBackward(
  dx: usize, // [rows, n] f32
  x: usize, // [rows, n] f32
  t: usize, // [rows, n] f32
  weight: usize, // [n] f32, or 0
  n: i32,
  scale: f64,
  from: i32,
  to: i32,
): void {
  const factor = f32x4.splat(<f32>scale);
  const one = f32x4.splat(1);
  const least = f32x4.splat(1e-12);
  for (let r = from; r < to; r++) {
    const offset = (<usize>r * <usize>n) << 2;
    for (let j = 0; j < n; j += 4) {
      const count = n - j;
      const p = loadUpTo(at(x + offset, j), count);
      const d = f32x4.sub(p, loadUpTo(at(t + offset, j), count));
      const variance = f32x4.pmax(f32x4.mul(p, f32x4.sub(one, p)), least);
      const weighted = f32x4.mul(columnWeights(weight, j, count), f32x4.div(d, variance));
      storeUpTo(at(dx + offset, j), f32x4.mul(factor, weighted), count);
    }
  }
}
