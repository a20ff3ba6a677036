import { at, loadPartial, storePartial } from './lanes';

/**
 * y[i] = a[i] + b[i], or max(that, 0) with `relu`, for elements [from, to); y may be a or b.
 */
export function addForward(
  y: usize, // [n] f32
  a: usize, // [n] f32
  b: usize, // [n] f32
  relu: bool,
  from: i32,
  to: i32,
): void {
  const tail = (to - from) & 3;
  let p = at(y, from);
  let q = at(a, from);
  let r = at(b, from);
  const end = at(y, to - tail);
  const least = f32x4.splat(relu ? 0 : -Infinity);
  while (p < end) {
    v128.store(p, f32x4.pmax(f32x4.add(v128.load(q), v128.load(r)), least));
    p += 16;
    q += 16;
    r += 16;
  }
  if (tail) {
    const sum = f32x4.add(loadPartial(q, tail), loadPartial(r, tail));
    storePartial(p, f32x4.pmax(sum, least), tail);
  }
}
