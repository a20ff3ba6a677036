import { at, madd } from '../lanes';
import { flushTiny, lanes, load4, store4 } from './slots';

/** Exponential moving average of weights, e ← decay·e + (1 − decay)·w, elements [from, to). */
export function emaUpdate(
  average: usize, // [n] f32, e, updated
  data: usize, // [n] f32, w
  decay: f64,
  from: i32,
  to: i32,
): void {
  const keep = lanes(decay);
  const gain = lanes(1 - decay);
  const tail = (to - from) & 3;
  const end = at(average, to - tail);
  let e = at(average, from);
  let w = at(data, from);
  while (e < end) {
    blend(e, w, keep, gain, 4);
    e += 16;
    w += 16;
  }
  if (tail) blend(e, w, keep, gain, tail);
}

/** @inline */
function blend(average: usize, data: usize, keep: v128, gain: v128, count: i32): void {
  const e = madd(keep, load4(average, count), f32x4.mul(gain, load4(data, count)));
  store4(average, flushTiny(e), count);
}

/** a ↔ b, elements [from, to), bit for bit. */
export function exchange(
  a: usize, // [n] f32, updated
  b: usize, // [n] f32, updated
  from: i32,
  to: i32,
): void {
  const tail = (to - from) & 3;
  const end = at(a, to - tail);
  let p = at(a, from);
  let q = at(b, from);
  while (p < end) {
    const kept = v128.load(p);
    v128.store(p, v128.load(q));
    v128.store(q, kept);
    p += 16;
    q += 16;
  }
  if (tail) {
    const kept = load4(p, tail);
    store4(p, load4(q, tail), tail);
    store4(q, kept, tail);
  }
}
