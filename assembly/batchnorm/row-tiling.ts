/**
 * Rows [n, c] folded: `fold` rows in a row of memory make one long row, and what belongs to a channel
 * (K, a, b, …) is laid out once as long, repeated `fold` times. So few channels walk as fast as many,
 * and channel counts that are no multiple of four have no tail in every row.
 *
 *   x         r0c0 r0c1 r0c2 r1c0 │ r1c1 r1c2 r2c0 r2c1 │ …      fold = 4 rows of c = 3
 *   K           c0   c1   c2   c0 │   c1   c2   c0   c1 │ …
 */
import { at, loadPartial, loadUpTo } from '../lanes';

/** Lanes of a long row, at most: five blocks of them stay in the first-level cache. */
export const PERIOD = 1024;
/** Bytes from one block of lanes to the next. Not 4096: equal low bits would make them collide. */
export const SPAN: usize = 4160;

/**
 * Rows in a long row that is walked alone, in the order of memory: as many as fit. Multiples of 16 or 4
 * where they fit, so that it ends with a whole vector; and few enough for the batch that laying out the
 * lanes costs little.
 */
export function foldAlone(n: i32, c: i32): i32 {
  const most = min(PERIOD / c, n >> 4);
  if (most >= 16) return most & ~15;
  if (most >= 4) return most & ~3;
  return max(most, 1);
}

/**
 * Rows in a long row that is walked beside others: as few as end it after a multiple of 16 lanes, or at
 * least of 4, since what is near in memory the prefetcher follows; but `least` lanes, if need be.
 */
export function foldBeside(n: i32, c: i32, least: i32): i32 {
  let fold = 16 / min(c & -c, 16);
  if (fold * c > 512) fold = max(fold >> 2, 1);
  if (fold * c > PERIOD) fold = 1;
  while (fold * c < least) fold <<= 1;
  while (fold > 1 && fold > n >> 3) fold >>= 1;
  return fold;
}

/**
 * Lays out `width` channels of `from`, `fold` times, `apart` channels from one to the next. Whole
 * vectors are stored: what is too much, the next time overwrites, and after the last there is room.
 */
export function repeat(lanes: usize, from: usize, width: i32, apart: i32, fold: i32): void {
  for (let g = 0; g < fold; g++) {
    const to = at(lanes, g * apart);
    for (let j = 0; j < width; j += 4) v128.store(at(to, j), loadUpTo(at(from, j), width - j));
  }
}

/** Whether all of `count` shifts are 0: subtracting them would change no bit. */
export function allZero(shift: usize, count: i32): bool {
  for (let j = 0; j < count; j++) {
    if (f32.load(at(shift, j)) != 0) return false;
  }
  return true;
}

/** What a block of lanes holds. */
export const SHIFT = 0; // K
export const SCALE = 1; // a
export const OFFSET = 2; // b
export const SLOPE = 3; // p, or Σ u
export const INTERCEPT = 4; // q, or Σ u·d

/**
 * Four lanes of block `which`, or with `next` the four after them: offsets are constants in the
 * instruction, and one pointer serves five blocks. @inline
 */
export function loadLanes(lanes: usize, which: i32, next: bool): v128 {
  if (which == SHIFT) return next ? v128.load(lanes, 16) : v128.load(lanes);
  if (which == SCALE) return next ? v128.load(lanes, SPAN + 16) : v128.load(lanes, SPAN);
  if (which == OFFSET) return next ? v128.load(lanes, 2 * SPAN + 16) : v128.load(lanes, 2 * SPAN);
  if (which == SLOPE) return next ? v128.load(lanes, 3 * SPAN + 16) : v128.load(lanes, 3 * SPAN);
  return next ? v128.load(lanes, 4 * SPAN + 16) : v128.load(lanes, 4 * SPAN);
}

/**
 * Up to four numbers at `p`, or with `next` the four after them.
 * @inline
 */
export function loadNumbers(p: usize, count: i32, next: bool): v128 {
  if (count < 4) return loadPartial(p, count);
  return next ? v128.load(p, 16) : v128.load(p);
}
