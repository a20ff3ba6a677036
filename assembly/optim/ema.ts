import { Binary, zipInPlace } from '../elementwise';
import { at, loadVector, madd, storeVector } from '../lanes';
import { flushTiny, splat } from './scalars';

@unmanaged
class Average extends Binary {
  /** keep·e + gain·w */
  of(e: v128, w: v128, keep: v128, gain: v128, c: v128): v128 {
    return flushTiny(madd(keep, e, f32x4.mul(gain, w)));
  }
}

/** Exponential moving average of weights, e ← decay·e + (1 − decay)·w, elements [from, to). */
export function emaUpdate(
  average: usize, // [n] f32, e, updated
  data: usize, // [n] f32, w
  decay: f64,
  from: i32,
  to: i32,
): void {
  zipInPlace<Average>(average, data, from, to, splat(decay), splat(1 - decay));
}

@unmanaged
class Approach extends Binary {
  /** e + gain·(w − e) */
  of(e: v128, w: v128, gain: v128, b: v128, c: v128): v128 {
    return flushTiny(madd(gain, f32x4.sub(w, e), e));
  }
}

/**
 * Mean of weights, e ← e + (w − e)/count with `count` the number of weights so far, these included; elements
 * [from, to). Where e and w are equal e stays as it is.
 */
export function averageUpdate(
  average: usize, // [n] f32, e, updated
  data: usize, // [n] f32, w
  count: f64,
  from: i32,
  to: i32,
): void {
  zipInPlace<Approach>(average, data, from, to, splat(1 / count), splat(0));
}

/** a ↔ b, elements [from, to), bit for bit. */
export function exchange(
  a: usize, // [n] f32, updated
  b: usize, // [n] f32, updated
  from: i32,
  to: i32,
): void {
  const tail = (to - from) & 3;
  const end = at(0, to - tail);
  let o = at(0, from);
  while (o < end) {
    swap(a + o, b + o, 4);
    o += 16;
  }
  if (tail) swap(a + o, b + o, tail);
}

/** @inline */
function swap(a: usize, b: usize, count: i32): void {
  const kept = loadVector(a, 0, count);
  storeVector(a, loadVector(b, 0, count), count);
  storeVector(b, kept, count);
}
