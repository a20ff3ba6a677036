/**
 * Kullback–Leibler divergence of log-probabilities x from a target t, elementwise:
 * L = t·(ln t − x), dL/dx = −t, with 0·ln 0 = 0; or, where the target is given as log-probabilities,
 * L = eᵗ·(t − x), dL/dx = −eᵗ.
 */
import { at, loadUpTo, storeUpTo } from '../lanes';
import { expLanes, logLanes } from '../math';
import { addWide, sumWide } from './elementwise';

/** @inline */
function divergence(x: v128, t: v128, logTarget: i32): v128 {
  if (logTarget) return f32x4.mul(expLanes(t), f32x4.sub(t, x));
  const entropy = f32x4.mul(t, logLanes(t));
  const nothing = f32x4.eq(t, f32x4.splat(0));
  return f32x4.sub(v128.andnot(entropy, nothing), f32x4.mul(t, x));
}

/** ΣL over elements [from, to). */
export function klDivForward(
  x: usize, // [size] f32
  t: usize, // [size] f32
  logTarget: i32, // 1: t holds log-probabilities
  from: i32,
  to: i32,
): f64 {
  let sum = f64x2.splat(0);
  // Absent lanes are x = t = 0, and add (t or eᵗ)·0 = 0.
  for (let i = from; i < to; i += 4) {
    const count = to - i;
    const a = loadUpTo(at(x, i), count);
    const b = loadUpTo(at(t, i), count);
    sum = addWide(sum, divergence(a, b, logTarget));
  }
  return sumWide(sum);
}

/** dx = −scale·t, or −scale·eᵗ, for elements [from, to); dx may be t. */
export function klDivBackward(
  dx: usize, // [size] f32
  t: usize, // [size] f32
  logTarget: i32,
  scale: f64,
  from: i32,
  to: i32,
): void {
  const factor = f32x4.splat(<f32>-scale);
  for (let i = from; i < to; i += 4) {
    const count = to - i;
    const v = loadUpTo(at(t, i), count);
    storeUpTo(at(dx, i), f32x4.mul(factor, logTarget ? expLanes(v) : v), count);
  }
}
