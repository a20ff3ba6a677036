import { map, SHORT, Unary } from '../elementwise';
import { at, loadVector, storeVector } from '../lanes';
import { fourWords, philox, toUnit } from './philox';

/**
 * Dropout, forward and backward alike:
 *   y[i]  = x[i]·m[i]      m[i] = 1/(1 − p) where u[i] ≥ p, else 0
 *   dx[i] = dy[i]·m[i]
 * with u[i] the i-th uniform number of the draw (philox.ts). Nothing is stored between the two: backward
 * draws the same words again from seed and counter. y may be x. A dropped NaN or infinity becomes NaN, as in
 * PyTorch. p = 1 drops everything.
 *
 * Elements [from, to), `from` a multiple of 16.
 */
export function dropout(
  y: usize, // [n] f32, overwritten
  x: usize, // [n] f32
  p: f64,
  seed: f64,
  counter: f64,
  from: i32,
  to: i32,
  scratch: usize, // [16] u32
): void {
  const threshold = f32x4.splat(<f32>p);
  const kept = f32x4.splat(keptScale(p));
  for (let i = from; i < to; i += 4) {
    const m = mask(fourWords(scratch, seed, counter, i), threshold, kept);
    const count = to - i;
    storeVector(at(y, i), f32x4.mul(loadVector(at(x, i), 0, count), m), count);
  }
}

@unmanaged
class Masked extends Unary {
  of(x: v128, m: v128, b: v128): v128 {
    return f32x4.mul(x, m);
  }
}

/**
 * Dropout with one mask entry a row (a channel of a sample): y[r, j] = x[r, j]·m[r], for rows [from, to),
 * `from` a multiple of 16.
 */
export function dropoutRows(
  y: usize, // [rows, n] f32, overwritten
  x: usize, // [rows, n] f32
  n: i32,
  p: f64,
  seed: f64,
  counter: f64,
  from: i32,
  to: i32,
  scratch: usize, // [16] u32
): void {
  const threshold = f32x4.splat(<f32>p);
  const kept = f32x4.splat(keptScale(p));
  for (let r = from; r < to; r++) {
    if (!(r & 15)) philox(scratch, <u64>seed, <u64>counter + <u64>(r >> 2));
    const m = mask(v128.load32_splat(at(scratch, r & 15)), threshold, kept);
    const row = (<usize>r * <usize>n) << 2;
    map<Masked>(y + row, x + row, 0, n, m, m, SHORT);
  }
}

/**
 * 1/(1 − p), or 0 for p = 1. Kept elements are multiplied by it, so that the expected value stays the same.
 * @inline
 */
function keptScale(p: f64): f32 {
  return p == 1 ? 0 : <f32>(1 / (1 - p));
}

/**
 * `kept` where the uniform number of a word is at least `threshold`, else 0.
 * @inline
 */
function mask(words: v128, threshold: v128, kept: v128): v128 {
  return v128.and(kept, f32x4.ge(toUnit(words), threshold));
}
