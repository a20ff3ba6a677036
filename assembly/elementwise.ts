/**
 * Elementwise loops. An operation is an `@unmanaged` class without fields whose methods are its equations, on
 * four numbers at a time. The functions here are the loops around them:
 *
 *   @unmanaged
 *   class Tanh extends Activation {
 *     value(x: v128): v128 {…}                       y = tanh x
 *     gradient(y: v128, dy: v128): v128 {…}          dx = dy·(1 − y²)
 *   }
 *
 *   export function tanhForward(y: usize, x: usize, from: i32, to: i32): void {
 *     forward<Tanh>(y, x, from, to, PAIRS);
 *   }
 *
 * Methods of `@unmanaged` classes are inlined (scripts/inline.js), and so are the loops: each exported kernel
 * compiles to a separate loop without a call. Every loop takes elements [from, to), and its output may be one
 * of its inputs. An operation is never extended by another: the compiler would then look up the method at run
 * time.
 */
import { at, loadPartial, loadUpTo, storePartial, storeUpTo } from './lanes';
import { addWide, sumWide } from './reduce';

/*
 * How a loop's body is written, the literal `body` of each loop:
 *
 * - SHORT: a loop over whole vectors, then the tail. The operation is compiled twice. For a few
 *   instructions a vector.
 * - LONG: one loop for whole vectors and the tail. The operation is compiled once, and a branch in each
 *   iteration finds the tail. For operations with an exp or a logarithm.
 * - PAIRS: a loop over two vectors at once before that of LONG. For polynomials: V8 makes a vector constant
 *   anew at each use in a loop, but once for both vectors, which saves tanh a fifth of its time.
 */
export const SHORT = 0;
export const LONG = 1;
export const PAIRS = 2;

/** y = f(x) with constants a and b. */
@unmanaged
export abstract class Unary {
  abstract of(x: v128, a: v128, b: v128): v128;
}

/**
 * y[i] = f(x[i]).
 * @inline
 */
export function map<F extends Unary>(
  y: usize, // [n] f32
  x: usize, // [n] f32
  from: i32,
  to: i32,
  a: v128,
  b: v128,
  body: i32,
): void {
  const f = changetype<F>(0);
  if (body == SHORT) {
    const tail = (to - from) & 3;
    const end = at(x, to - tail);
    let p = at(x, from);
    let q = at(y, from);
    while (p < end) {
      v128.store(q, f.of(v128.load(p), a, b));
      p += 16;
      q += 16;
    }
    if (tail) storePartial(q, f.of(loadPartial(p, tail), a, b), tail);
  } else {
    let i = from;
    if (body == PAIRS) {
      for (; i + 8 <= to; i += 8) {
        const low = f.of(v128.load(at(x, i)), a, b);
        const high = f.of(v128.load(at(x, i), 16), a, b);
        v128.store(at(y, i), low);
        v128.store(at(y, i), high, 16);
      }
    }
    for (; i < to; i += 4) {
      const count = to - i;
      storeUpTo(at(y, i), f.of(loadUpTo(at(x, i), count), a, b), count);
    }
  }
}

/**
 * x[i] ← f(x[i]). It has one pointer less than `map`, which saves an eighth of the time of a loop of few
 * instructions.
 * @inline
 */
export function mapInPlace<F extends Unary>(
  x: usize, // [n] f32, updated
  from: i32,
  to: i32,
  a: v128,
  b: v128,
): void {
  const f = changetype<F>(0);
  const tail = (to - from) & 3;
  const end = at(x, to - tail);
  let p = at(x, from);
  while (p < end) {
    v128.store(p, f.of(v128.load(p), a, b));
    p += 16;
  }
  if (tail) storePartial(p, f.of(loadPartial(p, tail), a, b), tail);
}

/** y = f(u, v) with constants a, b and c. */
@unmanaged
export abstract class Binary {
  abstract of(u: v128, v: v128, a: v128, b: v128, c: v128): v128;
}

/**
 * y[i] = f(u[i], v[i]).
 * @inline
 */
export function zip<F extends Binary>(
  y: usize, // [n] f32
  u: usize, // [n] f32
  v: usize, // [n] f32
  from: i32,
  to: i32,
  a: v128,
  b: v128,
  c: v128,
  body: i32,
): void {
  const f = changetype<F>(0);
  if (body == SHORT) {
    const tail = (to - from) & 3;
    const end = at(u, to - tail);
    let p = at(u, from);
    let q = at(v, from);
    let r = at(y, from);
    while (p < end) {
      v128.store(r, f.of(v128.load(p), v128.load(q), a, b, c));
      p += 16;
      q += 16;
      r += 16;
    }
    if (tail) storePartial(r, f.of(loadPartial(p, tail), loadPartial(q, tail), a, b, c), tail);
  } else {
    let i = from;
    if (body == PAIRS) {
      for (; i + 8 <= to; i += 8) {
        const low = f.of(v128.load(at(u, i)), v128.load(at(v, i)), a, b, c);
        const high = f.of(v128.load(at(u, i), 16), v128.load(at(v, i), 16), a, b, c);
        v128.store(at(y, i), low);
        v128.store(at(y, i), high, 16);
      }
    }
    for (; i < to; i += 4) {
      const count = to - i;
      const w = f.of(loadUpTo(at(u, i), count), loadUpTo(at(v, i), count), a, b, c);
      storeUpTo(at(y, i), w, count);
    }
  }
}

/**
 * y[i] = f(u[i], v[i]), of few instructions and without constants.
 * @inline
 */
export function combine<F extends Binary>(
  y: usize, // [n] f32
  u: usize, // [n] f32
  v: usize, // [n] f32
  from: i32,
  to: i32,
): void {
  const none = f32x4.splat(0);
  zip<F>(y, u, v, from, to, none, none, none, SHORT);
}

/**
 * u[i] ← f(u[i], v[i]).
 * @inline
 */
export function zipInPlace<F extends Binary>(
  u: usize, // [n] f32, updated
  v: usize, // [n] f32
  from: i32,
  to: i32,
  a: v128,
  b: v128,
): void {
  const f = changetype<F>(0);
  const tail = (to - from) & 3;
  const end = at(u, to - tail);
  let p = at(u, from);
  let q = at(v, from);
  while (p < end) {
    v128.store(p, f.of(v128.load(p), v128.load(q), a, b, b));
    p += 16;
    q += 16;
  }
  if (tail) storePartial(p, f.of(loadPartial(p, tail), loadPartial(q, tail), a, b, b), tail);
}

/** An activation. Its gradient is computed from x or from y, whichever the layer keeps. */
@unmanaged
export abstract class Activation {
  /** y = f(x) */
  abstract value(x: v128): v128;
  /** dx = dy·f′, from x or y. */
  abstract gradient(saved: v128, dy: v128): v128;
}

/**
 * y[i] = Op.value(x[i]).
 * @inline
 */
export function forward<Op extends Activation>(
  y: usize, // [n] f32
  x: usize, // [n] f32
  from: i32,
  to: i32,
  body: i32,
): void {
  const none = f32x4.splat(0);
  map<ValueOf<Op>>(y, x, from, to, none, none, body);
}

/**
 * dx[i] = Op.gradient(saved[i], dy[i]).
 * @inline
 */
export function backward<Op extends Activation>(
  dx: usize, // [n] f32
  saved: usize, // [n] f32, x or y
  dy: usize, // [n] f32
  from: i32,
  to: i32,
  body: i32,
): void {
  const none = f32x4.splat(0);
  zip<GradientOf<Op>>(dx, saved, dy, from, to, none, none, none, body);
}

/** An activation with a parameter, the same for all elements. */
@unmanaged
export abstract class ParametricActivation {
  abstract value(x: v128, parameter: v128): v128;
  abstract gradient(saved: v128, dy: v128, parameter: v128): v128;
}

/**
 * y[i] = Op.value(x[i], parameter).
 * @inline
 */
export function forwardWith<Op extends ParametricActivation>(
  parameter: f32,
  y: usize, // [n] f32
  x: usize, // [n] f32
  from: i32,
  to: i32,
  body: i32,
): void {
  map<ParametricValueOf<Op>>(y, x, from, to, f32x4.splat(parameter), f32x4.splat(0), body);
}

/**
 * dx[i] = Op.gradient(saved[i], dy[i], parameter).
 * @inline
 */
export function backwardWith<Op extends ParametricActivation>(
  parameter: f32,
  dx: usize, // [n] f32
  saved: usize, // [n] f32, x or y
  dy: usize, // [n] f32
  from: i32,
  to: i32,
  body: i32,
): void {
  const none = f32x4.splat(0);
  const a = f32x4.splat(parameter);
  zip<ParametricGradientOf<Op>>(dx, saved, dy, from, to, a, none, none, body);
}

/**
 * The term of a loss for one element, from a prediction x and a target t; a is a constant. If x and t are
 * both 0 the term must be 0, because a tail is filled with zeros.
 */
@unmanaged
export abstract class LossTerm {
  abstract term(x: v128, t: v128, a: v128): v128;
}

/** A loss that is a sum over elements, and its gradient; a and b are constants. */
@unmanaged
export abstract class ElementwiseLoss extends LossTerm {
  /** scale·∂term/∂x */
  abstract gradient(x: v128, t: v128, scale: v128, a: v128, b: v128): v128;
}

/**
 * Σ Op.term(x[i], t[i]): each term in float32, added up in float64 in a fixed order.
 * @inline
 */
export function sumTerms<Op extends LossTerm>(
  x: usize, // [n] f32
  t: usize, // [n] f32
  from: i32,
  to: i32,
  a: v128,
  body: i32,
): f64 {
  const op = changetype<Op>(0);
  let sum = f64x2.splat(0);
  if (body == SHORT) {
    const tail = (to - from) & 3;
    const end = at(x, to - tail);
    let p = at(x, from);
    let q = at(t, from);
    while (p < end) {
      sum = addWide(sum, op.term(v128.load(p), v128.load(q), a));
      p += 16;
      q += 16;
    }
    if (tail) sum = addWide(sum, op.term(loadPartial(p, tail), loadPartial(q, tail), a));
  } else {
    for (let i = from; i < to; i += 4) {
      const count = to - i;
      sum = addWide(sum, op.term(loadUpTo(at(x, i), count), loadUpTo(at(t, i), count), a));
    }
  }
  return sumWide(sum);
}

/**
 * dx[i] = Op.gradient(x[i], t[i], scale).
 * @inline
 */
export function lossGradient<Op extends ElementwiseLoss>(
  dx: usize, // [n] f32
  x: usize, // [n] f32
  t: usize, // [n] f32
  scale: f64,
  from: i32,
  to: i32,
  a: v128,
  b: v128,
): void {
  zip<LossGradientOf<Op>>(dx, x, t, from, to, f32x4.splat(<f32>scale), a, b, SHORT);
}

@unmanaged
class ValueOf<Op extends Activation> extends Unary {
  of(x: v128, a: v128, b: v128): v128 {
    return changetype<Op>(0).value(x);
  }
}

@unmanaged
class GradientOf<Op extends Activation> extends Binary {
  of(saved: v128, dy: v128, a: v128, b: v128, c: v128): v128 {
    return changetype<Op>(0).gradient(saved, dy);
  }
}

@unmanaged
class ParametricValueOf<Op extends ParametricActivation> extends Unary {
  of(x: v128, a: v128, b: v128): v128 {
    return changetype<Op>(0).value(x, a);
  }
}

@unmanaged
class ParametricGradientOf<Op extends ParametricActivation> extends Binary {
  of(saved: v128, dy: v128, a: v128, b: v128, c: v128): v128 {
    return changetype<Op>(0).gradient(saved, dy, a);
  }
}

@unmanaged
class LossGradientOf<Op extends ElementwiseLoss> extends Binary {
  of(x: v128, t: v128, a: v128, b: v128, c: v128): v128 {
    return changetype<Op>(0).gradient(x, t, a, b, c);
  }
}
