import { at, loadPartial, storePartial } from '../lanes';
import { philox, toUnit } from './philox';

/**
 * Dropout, forward and backward alike:
 *   y[i]  = x[i]·m[i]      m[i] = scale where u[i] ≥ p, else 0
 *   dx[i] = dy[i]·m[i]
 * with scale = 1/(1 − p) and u[i] the i-th uniform of the draw (philox.ts). Nothing is stored between
 * the two: backward draws the same words again from seed and counter. y may be x. A dropped NaN or
 * infinity becomes NaN, as in PyTorch. At p = 1 pass scale = 0.
 *
 * Elements [from, to), `from` a multiple of 16.
 */
export function dropout(
  y: usize, // [n] f32, overwritten
  x: usize, // [n] f32
  p: f32,
  scale: f32,
  seed: f64,
  counter: f64,
  from: i32,
  to: i32,
  scratch: usize, // [16] u32
): void {
  const threshold = f32x4.splat(p);
  const kept = f32x4.splat(scale);
  for (let i = from; i < to; i += 4) {
    if (!(i & 15)) philox(scratch, <u64>seed, <u64>counter + <u64>(i >> 2));
    const u = toUnit(v128.load(at(scratch, i & 15)));
    const m = v128.and(kept, f32x4.ge(u, threshold));
    const n = to - i;
    if (n >= 4) v128.store(at(y, i), f32x4.mul(v128.load(at(x, i)), m));
    else storePartial(at(y, i), f32x4.mul(loadPartial(at(x, i), n), m), n);
  }
}

/**
 * The same with one mask entry a row (a channel of a sample): y[r, j] = x[r, j]·m[r], for rows
 * [from, to), `from` a multiple of 16.
 */
export function dropoutRows(
  y: usize, // [rows, n] f32, overwritten
  x: usize, // [rows, n] f32
  n: i32,
  p: f32,
  scale: f32,
  seed: f64,
  counter: f64,
  from: i32,
  to: i32,
  scratch: usize, // [16] u32
): void {
  const tail = n & 3;
  const full = n - tail;
  for (let r = from; r < to; r++) {
    if (!(r & 15)) philox(scratch, <u64>seed, <u64>counter + <u64>(r >> 2));
    const u = toUnit(v128.load32_splat(at(scratch, r & 15)));
    const m = v128.and(f32x4.splat(scale), f32x4.ge(u, f32x4.splat(p)));
    const row = (<usize>r * <usize>n) << 2;
    let a = x + row;
    let b = y + row;
    const end = at(a, full);
    while (a < end) {
      v128.store(b, f32x4.mul(v128.load(a), m));
      a += 16;
      b += 16;
    }
    if (tail) storePartial(b, f32x4.mul(loadPartial(a, tail), m), tail);
  }
}
