/** GELU, exact and by tanh. The derivative needs x: y has the same value on both sides of its dip. */
import { at, loadUpTo, madd, storeUpTo } from '../lanes';
import { gaussianLanes, normalCdfLanes, tanhLanes } from '../math';

/** 1/√2π */
const INV_SQRT_2PI: f32 = 0.3989422804014327;
/** √(2/π) */
const SQRT_2_OVER_PI: f32 = 0.7978845608028654;
const CUBIC: f32 = 0.044715;

/** @inline */
function gelu(x: v128): v128 {
  return f32x4.mul(x, normalCdfLanes(x, gaussianLanes(x)));
}

/** y = x·Φ(x), Φ the standard normal's cumulative function, for elements [from, to); y may be x. */
export function geluForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  let i = from;
  for (; i + 8 <= to; i += 8) {
    const low = gelu(v128.load(at(x, i)));
    const high = gelu(v128.load(at(x, i), 16));
    v128.store(at(y, i), low);
    v128.store(at(y, i), high, 16);
  }
  for (; i < to; i += 4) {
    const count = to - i;
    storeUpTo(at(y, i), gelu(loadUpTo(at(x, i), count)), count);
  }
}

/** @inline */
function geluSlope(x: v128): v128 {
  const e = gaussianLanes(x);
  const density = f32x4.mul(e, f32x4.splat(INV_SQRT_2PI));
  return madd(x, density, normalCdfLanes(x, e));
}

/** dx = dy·(Φ(x) + x·φ(x)), φ = Φ′, for elements [from, to); dx may be dy or x. */
export function geluBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  let i = from;
  for (; i + 8 <= to; i += 8) {
    const low = geluSlope(v128.load(at(x, i)));
    const high = geluSlope(v128.load(at(x, i), 16));
    v128.store(at(dx, i), f32x4.mul(v128.load(at(dy, i)), low));
    v128.store(at(dx, i), f32x4.mul(v128.load(at(dy, i), 16), high), 16);
  }
  for (; i < to; i += 4) {
    const count = to - i;
    const slope = geluSlope(loadUpTo(at(x, i), count));
    storeUpTo(at(dx, i), f32x4.mul(loadUpTo(at(dy, i), count), slope), count);
  }
}

/**
 * tanh(u) with u = √(2/π)·(x + 0.044715·x³).
 * @inline
 */
function geluTanhOf(x: v128): v128 {
  const cubed = f32x4.mul(f32x4.mul(x, x), x);
  const inner = madd(cubed, f32x4.splat(CUBIC), x);
  return tanhLanes(f32x4.mul(inner, f32x4.splat(SQRT_2_OVER_PI)));
}

/** @inline */
function geluTanh(x: v128): v128 {
  const half = f32x4.mul(x, f32x4.splat(0.5));
  return f32x4.mul(half, f32x4.add(geluTanhOf(x), f32x4.splat(1)));
}

/** y = ½·x·(1 + tanh u), u = √(2/π)·(x + 0.044715·x³), for elements [from, to); y may be x. */
export function geluTanhForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  for (let i = from; i < to; i += 4) {
    const count = to - i;
    storeUpTo(at(y, i), geluTanh(loadUpTo(at(x, i), count)), count);
  }
}

/** @inline */
function geluTanhSlope(x: v128): v128 {
  const one = f32x4.splat(1);
  const t = geluTanhOf(x);
  const inner = madd(f32x4.mul(x, x), f32x4.splat(3 * CUBIC), one); // u′ / √(2/π)
  const bend = f32x4.mul(f32x4.mul(x, f32x4.splat(SQRT_2_OVER_PI)), inner);
  const slope = madd(bend, f32x4.sub(one, f32x4.mul(t, t)), f32x4.add(one, t));
  return f32x4.mul(slope, f32x4.splat(0.5));
}

/** dx = dy·½·(1 + t + x·u′·(1 − t²)), t = tanh u, for elements [from, to); dx may be dy or x. */
export function geluTanhBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  for (let i = from; i < to; i += 4) {
    const count = to - i;
    const slope = geluTanhSlope(loadUpTo(at(x, i), count));
    storeUpTo(at(dx, i), f32x4.mul(loadUpTo(at(dy, i), count), slope), count);
  }
}
