/**
 * The piecewise linear activations. Each backward reads the output y: the sign (and, for ReLU6, the
 * cap) that decides the slope survives in it, so x need not be kept. As in PyTorch a NaN passes
 * forward, and the slope at 0 is that of the left side.
 */
import { at, loadPartial, storePartial } from '../lanes';

/** @inline */
function relu(x: v128): v128 {
  return f32x4.pmax(x, f32x4.splat(0));
}

/** y = max(x, 0) for elements [from, to); y may be x. */
export function reluForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  const tail = (to - from) & 3;
  const end = at(x, to - tail);
  let p = at(x, from);
  let q = at(y, from);
  while (p < end) {
    v128.store(q, relu(v128.load(p)));
    p += 16;
    q += 16;
  }
  if (tail) storePartial(q, relu(loadPartial(p, tail)), tail);
}

/** @inline */
function reluSlope(y: v128, dy: v128): v128 {
  return v128.andnot(dy, f32x4.le(y, f32x4.splat(0)));
}

/** dx = dy where y > 0 (or NaN), else 0, for elements [from, to); dx may be dy or y. */
export function reluBackward(
  dx: usize, // [size] f32
  y: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  const tail = (to - from) & 3;
  const end = at(y, to - tail);
  let p = at(y, from);
  let g = at(dy, from);
  let q = at(dx, from);
  while (p < end) {
    v128.store(q, reluSlope(v128.load(p), v128.load(g)));
    p += 16;
    g += 16;
    q += 16;
  }
  if (tail) storePartial(q, reluSlope(loadPartial(p, tail), loadPartial(g, tail)), tail);
}

/** @inline */
function relu6(x: v128): v128 {
  return f32x4.pmin(f32x4.pmax(x, f32x4.splat(0)), f32x4.splat(6));
}

/** y = min(max(x, 0), 6) for elements [from, to); y may be x. */
export function relu6Forward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  const tail = (to - from) & 3;
  const end = at(x, to - tail);
  let p = at(x, from);
  let q = at(y, from);
  while (p < end) {
    v128.store(q, relu6(v128.load(p)));
    p += 16;
    q += 16;
  }
  if (tail) storePartial(q, relu6(loadPartial(p, tail)), tail);
}

/** @inline */
function relu6Slope(y: v128, dy: v128): v128 {
  const flat = v128.or(f32x4.le(y, f32x4.splat(0)), f32x4.ge(y, f32x4.splat(6)));
  return v128.andnot(dy, flat);
}

/** dx = dy where 0 < y < 6 (or y is NaN), else 0, for elements [from, to); dx may be dy or y. */
export function relu6Backward(
  dx: usize, // [size] f32
  y: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  const tail = (to - from) & 3;
  const end = at(y, to - tail);
  let p = at(y, from);
  let g = at(dy, from);
  let q = at(dx, from);
  while (p < end) {
    v128.store(q, relu6Slope(v128.load(p), v128.load(g)));
    p += 16;
    g += 16;
    q += 16;
  }
  if (tail) storePartial(q, relu6Slope(loadPartial(p, tail), loadPartial(g, tail)), tail);
}

/**
 * v where x > 0, else slope·v: LeakyReLU forward with v = x, backward with v = dy.
 * @inline
 */
function leak(x: v128, v: v128, slope: v128): v128 {
  return v128.bitselect(v, f32x4.mul(v, slope), f32x4.gt(x, f32x4.splat(0)));
}

/** y = x where x > 0, else slope·x, for elements [from, to); y may be x. */
export function leakyReluForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  slope: f32,
  from: i32,
  to: i32,
): void {
  const a = f32x4.splat(slope);
  const tail = (to - from) & 3;
  const end = at(x, to - tail);
  let p = at(x, from);
  let q = at(y, from);
  while (p < end) {
    const v = v128.load(p);
    v128.store(q, leak(v, v, a));
    p += 16;
    q += 16;
  }
  if (tail) {
    const v = loadPartial(p, tail);
    storePartial(q, leak(v, v, a), tail);
  }
}

/**
 * dx = dy where x > 0, else slope·dy, for elements [from, to); dx may be dy or x. With slope ≥ 0 the
 * output has x's sign and may be passed for x.
 */
export function leakyReluBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32, or y if slope ≥ 0
  dy: usize, // [size] f32
  slope: f32,
  from: i32,
  to: i32,
): void {
  const a = f32x4.splat(slope);
  const tail = (to - from) & 3;
  const end = at(x, to - tail);
  let p = at(x, from);
  let g = at(dy, from);
  let q = at(dx, from);
  while (p < end) {
    v128.store(q, leak(v128.load(p), v128.load(g), a));
    p += 16;
    g += 16;
    q += 16;
  }
  if (tail) storePartial(q, leak(loadPartial(p, tail), loadPartial(g, tail), a), tail);
}
