/**
 * Which of the s positions of a sample a mask counts. The padding of sequences is before and after the
 * positions that count; if there are no holes between them, no loop has to read the mask.
 */

import { at } from '../lanes';
import { counts } from './equations';

/** The first of s positions that counts; s if none does. */
export function firstOf(mask: usize, s: i32): i32 {
  let i = 0;
  while (i < s && f32.load(at(mask, i)) == 0) i++;
  return i;
}

/** One more than the last of s positions that counts; s if none does. */
export function lastOf(mask: usize, s: i32): i32 {
  let i = s;
  while (i > 0 && f32.load(at(mask, i - 1)) == 0) i--;
  return i ? i : s;
}

/** Whether a position in [first, last) does not count. */
export function hasHoles(mask: usize, first: i32, last: i32): bool {
  let i = first;
  while (i + 4 <= last) {
    if (!i32x4.all_true(counts(v128.load(at(mask, i))))) return true;
    i += 4;
  }
  while (i < last) {
    if (f32.load(at(mask, i)) == 0) return true;
    i++;
  }
  return false;
}

/** Sets `bytes` bytes to 0; most often there are none, or few. */
export function setZero(p: usize, bytes: usize): void {
  const end = p + bytes;
  const whole = p + (bytes & ~15);
  while (p < whole) {
    v128.store(p, f32x4.splat(0));
    p += 16;
  }
  while (p < end) {
    f32.store(p, 0);
    p += 4;
  }
}
