/**
 * Rows [n, c] as long rows. Rows are contiguous in memory, so a few consecutive rows can be treated as one
 * long row, with the per-channel coefficients repeated to its length. Then an element costs the same with
 * few channels as with many, and a channel count that is no multiple of four has a tail only in the last
 * long row.
 *
 * Four rows of c = 3 channels (r0c2 is row 0, channel 2), a vector between two bars:
 *
 *   x          r0c0 r0c1 r0c2 r1c0 │ r1c1 r1c2 r2c0 r2c1 │ r2c2 r3c0 r3c1 r3c2
 *   K            c0   c1   c2   c0 │   c1   c2   c0   c1 │   c2   c0   c1   c2
 *   lane          0    1    2    3 │    0    1    2    3 │    0    1    2    3
 *
 * The coefficients of a long row are in five repeated rows, SPAN bytes from one to the next: K, a, b, p and
 * q. While sums are computed, Σ u and Σ u·d take the places of p and q.
 */

import { at, loadUpTo } from '../lanes';
import { OFFSET, PERIOD, SCALE, SHIFT, SLOPE, SPAN } from './shape';

/**
 * Rows in a long row, for passes that process one long row after the other: as many as PERIOD holds, and a
 * multiple of 16 or 4 where possible, so that a long row ends with a whole vector. At most a sixteenth of
 * the batch, so that repeating the coefficients costs little.
 */
export function rowsInPeriod(n: i32, c: i32): i32 {
  const most = min(PERIOD / c, n >> 4);
  if (most >= 16) return most & ~15;
  if (most >= 4) return most & ~3;
  return max(most, 1);
}

/**
 * Rows in a long row, for passes that process several long rows at once: the fewest that make a multiple of
 * 16 lanes, or at least of 4, because the prefetcher follows accesses that are near each other; more, if
 * needed, to reach `least` lanes.
 */
export function rowsInColumns(n: i32, c: i32, least: i32): i32 {
  if (c > PERIOD) return 1;
  let rows = 16 / min(c & -c, 16);
  if (rows * c > 512) rows = max(rows >> 2, 1);
  if (rows * c > PERIOD) rows = 1;
  while (rows * c < least) rows <<= 1;
  while (rows > 1 && rows > n >> 3) rows >>= 1;
  return rows;
}

/**
 * Writes `width` numbers of `from` to `to`, `times` times, `stride` numbers from one to the next. Whole
 * vectors are stored: the excess of each copy is overwritten by the next one, and there is room after the
 * last.
 */
export function repeat(to: usize, from: usize, width: i32, stride: i32, times: i32): void {
  for (let g = 0; g < times; g++) {
    const start = at(to, g * stride);
    for (let j = 0; j < width; j += 4) v128.store(at(start, j), loadUpTo(at(from, j), width - j));
  }
}

/** Whether `count` shifts are all 0: subtracting them would change no bit. */
export function allZero(shift: usize, count: i32): bool {
  for (let j = 0; j < count; j++) {
    if (f32.load(at(shift, j)) != 0) return false;
  }
  return true;
}

/**
 * Four lanes of one of the repeated rows, or with `next` the four after them. The row's offset is a
 * constant in the instruction, so one pointer serves five rows. @inline
 */
export function loadRepeated(repeated: usize, which: i32, next: bool): v128 {
  if (which == SHIFT) return next ? v128.load(repeated, 16) : v128.load(repeated);
  if (which == SCALE) return next ? v128.load(repeated, SPAN + 16) : v128.load(repeated, SPAN);
  if (which == OFFSET) {
    return next ? v128.load(repeated, 2 * SPAN + 16) : v128.load(repeated, 2 * SPAN);
  }
  if (which == SLOPE) {
    return next ? v128.load(repeated, 3 * SPAN + 16) : v128.load(repeated, 3 * SPAN);
  }
  return next ? v128.load(repeated, 4 * SPAN + 16) : v128.load(repeated, 4 * SPAN);
}
