/**
 * Kullback–Leibler divergence of log-probabilities x from a target t, elementwise:
 * L = t·(ln t − x), dL/dx = −t, with 0·ln 0 = 0; or, if the target is given as log-probabilities,
 * L = eᵗ·(t − x), dL/dx = −eᵗ.
 */
import { LONG, LossTerm, map, SHORT, sumTerms, Unary } from '../elementwise';
import { expLanes, logLanes } from '../math';

@unmanaged
class OfProbabilities extends LossTerm {
  /** t·ln t − t·x */
  term(x: v128, t: v128, a: v128): v128 {
    const entropy = f32x4.mul(t, logLanes(t));
    const nothing = f32x4.eq(t, f32x4.splat(0));
    return f32x4.sub(v128.andnot(entropy, nothing), f32x4.mul(t, x));
  }
}

@unmanaged
class OfLogProbabilities extends LossTerm {
  /** eᵗ·(t − x) */
  term(x: v128, t: v128, a: v128): v128 {
    return f32x4.mul(expLanes(t), f32x4.sub(t, x));
  }
}

/** ΣL over elements [from, to). */
export function klDivForward(
  x: usize, // [size] f32
  t: usize, // [size] f32
  logTarget: i32, // 1: t holds log-probabilities
  from: i32,
  to: i32,
): f64 {
  const none = f32x4.splat(0);
  if (logTarget) return sumTerms<OfLogProbabilities>(x, t, from, to, none, LONG);
  return sumTerms<OfProbabilities>(x, t, from, to, none, LONG);
}

@unmanaged
class Scaled extends Unary {
  of(t: v128, factor: v128, b: v128): v128 {
    return f32x4.mul(factor, t);
  }
}

@unmanaged
class ScaledExp extends Unary {
  of(t: v128, factor: v128, b: v128): v128 {
    return f32x4.mul(factor, expLanes(t));
  }
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
  if (logTarget) map<ScaledExp>(dx, t, from, to, factor, factor, LONG);
  else map<Scaled>(dx, t, from, to, factor, factor, SHORT);
}
