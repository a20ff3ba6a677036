import { at, loadPartial, storePartial } from './lanes';

/**
 * y[r, j] += b[j], in place, for rows [from, to).
 */
export function biasForward(
  y: usize, // [rows, n] f32, added to
  b: usize, // [n] f32
  n: i32,
  from: i32,
  to: i32,
): void {
  const tail = n & 3;
  const full = n - tail;
  for (let r = from; r < to; r++) {
    let p = y + ((<usize>r * <usize>n) << 2);
    let q = b;
    const end = p + ((<usize>full) << 2);
    while (p < end) {
      v128.store(p, f32x4.add(v128.load(p), v128.load(q)));
      p += 16;
      q += 16;
    }
    if (tail) storePartial(p, f32x4.add(loadPartial(p, tail), loadPartial(q, tail)), tail);
  }
}

/**
 * db[j] += Σ_r dy[r, j] for columns [from, to): eight rows at a time, so that db is touched once per
 * eight rows and the order of the sum depends on nothing but the row count.
 */
export function biasBackward(
  db: usize, // [n] f32, added to
  dy: usize, // [rows, n] f32
  rows: i32,
  n: i32,
  from: i32,
  to: i32,
): void {
  const stride = (<usize>n) << 2;
  for (let j = from; j < to; j += 4) {
    const count = to - j;
    let sum = f32x4.splat(0);
    let p = at(dy, j);
    const end = p + <usize>rows * stride;
    if (count >= 4) {
      while (p < end) {
        sum = f32x4.add(sum, v128.load(p));
        p += stride;
      }
      v128.store(at(db, j), f32x4.add(v128.load(at(db, j)), sum));
    } else {
      while (p < end) {
        sum = f32x4.add(sum, loadPartial(p, count));
        p += stride;
      }
      storePartial(at(db, j), f32x4.add(loadPartial(at(db, j), count), sum), count);
    }
  }
}
