import { map, SHORT, Unary } from '../elementwise';
import { at, loadVector } from '../lanes';
import { Draw, draw, philox, WORDS } from './philox';

@unmanaged
class Dropped extends Draw {
  of(words: v128, x: usize, count: i32, least: v128, kept: v128): v128 {
    return f32x4.mul(loadVector(x, 0, count), mask(words, least, kept));
  }
}

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
  scratch: usize, // [32] u32
): void {
  draw<Dropped>(y, x, seed, counter, from, to, leastWord(p), f32x4.splat(keptScale(p)), scratch);
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
  scratch: usize, // [32] u32
): void {
  const least = leastWord(p);
  const kept = f32x4.splat(keptScale(p));
  for (let r = from; r < to; r++) {
    const w = (r - from) & (WORDS - 1);
    if (!w) philox(scratch, <u64>seed, <u64>counter + <u64>(r >> 2));
    const m = mask(v128.load32_splat(at(scratch, w)), least, kept);
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
 * The least word whose uniform number is not below p, without its last 8 bits: u ≥ p as integers, which saves the
 * conversion of every word.
 * @inline
 */
function leastWord(p: f64): v128 {
  return i32x4.splat(<i32>Math.ceil(<f64>(<f32>p) * 16777216));
}

/**
 * `kept` where the uniform number of a word is at least p, else 0.
 * @inline
 */
function mask(words: v128, least: v128, kept: v128): v128 {
  return v128.and(kept, i32x4.ge_s(i32x4.shr_u(words, 8), least));
}
