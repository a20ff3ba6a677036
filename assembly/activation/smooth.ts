/** The smooth activations made of exp: sigmoid, tanh, SiLU, ELU. GELU has a file of its own. */
import { at, loadUpTo, madd, storeUpTo } from '../lanes';
import { expm1NonPositive, expNonPositive, sigmoidLanes, tanhLanes } from '../math';

/** y = σ(x) = 1 / (1 + e⁻ˣ) for elements [from, to); y may be x. */
export function sigmoidForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  let i = from;
  for (; i + 8 <= to; i += 8) {
    const low = sigmoidLanes(v128.load(at(x, i)));
    const high = sigmoidLanes(v128.load(at(x, i), 16));
    v128.store(at(y, i), low);
    v128.store(at(y, i), high, 16);
  }
  for (; i < to; i += 4) {
    const count = to - i;
    storeUpTo(at(y, i), sigmoidLanes(loadUpTo(at(x, i), count)), count);
  }
}

/** @inline */
function sigmoidSlope(y: v128): v128 {
  return f32x4.mul(y, f32x4.sub(f32x4.splat(1), y));
}

/** dx = dy·y·(1 − y) for elements [from, to); dx may be dy or y. */
export function sigmoidBackward(
  dx: usize, // [size] f32
  y: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  for (let i = from; i < to; i += 4) {
    const count = to - i;
    const slope = sigmoidSlope(loadUpTo(at(y, i), count));
    storeUpTo(at(dx, i), f32x4.mul(loadUpTo(at(dy, i), count), slope), count);
  }
}

/** y = tanh x for elements [from, to); y may be x. */
export function tanhForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  let i = from;
  for (; i + 8 <= to; i += 8) {
    const low = tanhLanes(v128.load(at(x, i)));
    const high = tanhLanes(v128.load(at(x, i), 16));
    v128.store(at(y, i), low);
    v128.store(at(y, i), high, 16);
  }
  for (; i < to; i += 4) {
    const count = to - i;
    storeUpTo(at(y, i), tanhLanes(loadUpTo(at(x, i), count)), count);
  }
}

/** @inline */
function tanhSlope(y: v128): v128 {
  return f32x4.sub(f32x4.splat(1), f32x4.mul(y, y));
}

/** dx = dy·(1 − y²) for elements [from, to); dx may be dy or y. */
export function tanhBackward(
  dx: usize, // [size] f32
  y: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  for (let i = from; i < to; i += 4) {
    const count = to - i;
    const slope = tanhSlope(loadUpTo(at(y, i), count));
    storeUpTo(at(dx, i), f32x4.mul(loadUpTo(at(dy, i), count), slope), count);
  }
}

/** @inline */
function silu(x: v128): v128 {
  return f32x4.mul(x, sigmoidLanes(x));
}

/** y = x·σ(x) for elements [from, to); y may be x. */
export function siluForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  let i = from;
  for (; i + 8 <= to; i += 8) {
    const low = silu(v128.load(at(x, i)));
    const high = silu(v128.load(at(x, i), 16));
    v128.store(at(y, i), low);
    v128.store(at(y, i), high, 16);
  }
  for (; i < to; i += 4) {
    const count = to - i;
    storeUpTo(at(y, i), silu(loadUpTo(at(x, i), count)), count);
  }
}

/** @inline */
function siluSlope(x: v128): v128 {
  const one = f32x4.splat(1);
  const s = sigmoidLanes(x);
  return f32x4.mul(s, madd(x, f32x4.sub(one, s), one));
}

/** dx = dy·σ(x)·(1 + x·(1 − σ(x))) for elements [from, to); dx may be dy or x. */
export function siluBackward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  for (let i = from; i < to; i += 4) {
    const count = to - i;
    const slope = siluSlope(loadUpTo(at(x, i), count));
    storeUpTo(at(dx, i), f32x4.mul(loadUpTo(at(dy, i), count), slope), count);
  }
}

/** @inline */
function elu(x: v128, alpha: v128): v128 {
  const left = f32x4.le(x, f32x4.splat(0));
  const expm1 = expm1NonPositive(f32x4.pmin(x, f32x4.splat(0)));
  return v128.bitselect(f32x4.mul(alpha, expm1), x, left);
}

/** y = x where x > 0, else α·(eˣ − 1), for elements [from, to); y may be x. */
export function eluForward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  alpha: f32,
  from: i32,
  to: i32,
): void {
  const a = f32x4.splat(alpha);
  for (let i = from; i < to; i += 4) {
    const count = to - i;
    storeUpTo(at(y, i), elu(loadUpTo(at(x, i), count), a), count);
  }
}

/** @inline */
function eluSlope(y: v128, alpha: v128): v128 {
  const left = f32x4.le(y, f32x4.splat(0));
  return v128.bitselect(f32x4.add(y, alpha), f32x4.splat(1), left);
}

/**
 * dx = dy where y > 0, else dy·(y + α), as α·eˣ = y + α, for elements [from, to); dx may be dy or y.
 * For α ≥ 0 only: otherwise y does not tell the sides apart.
 */
export function eluBackward(
  dx: usize, // [size] f32
  y: usize, // [size] f32
  dy: usize, // [size] f32
  alpha: f32,
  from: i32,
  to: i32,
): void {
  const a = f32x4.splat(alpha);
  for (let i = from; i < to; i += 4) {
    const count = to - i;
    const slope = eluSlope(loadUpTo(at(y, i), count), a);
    storeUpTo(at(dx, i), f32x4.mul(loadUpTo(at(dy, i), count), slope), count);
  }
}

/** @inline */
function eluSlopeOfInput(x: v128, alpha: v128): v128 {
  const left = f32x4.le(x, f32x4.splat(0));
  const slope = f32x4.mul(alpha, expNonPositive(f32x4.pmin(x, f32x4.splat(0))));
  return v128.bitselect(slope, f32x4.splat(1), left);
}

/** dx = dy where x > 0, else dy·α·eˣ, for elements [from, to) and any α; dx may be dy or x. */
export function eluBackwardOfInput(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  alpha: f32,
  from: i32,
  to: i32,
): void {
  const a = f32x4.splat(alpha);
  for (let i = from; i < to; i += 4) {
    const count = to - i;
    const slope = eluSlopeOfInput(loadUpTo(at(x, i), count), a);
    storeUpTo(at(dx, i), f32x4.mul(loadUpTo(at(dy, i), count), slope), count);
  }
}
