/**
 * The shift K of each channel: the median of five samples. That is near enough to the data that nothing
 * cancels in Σ(x − K)², and two outliers cannot spoil it. If the median is no further from 0 than twice the
 * range of ten samples, K is 0: this is near enough, too, and every pass saves a subtraction.
 */

import { at } from '../lanes';

/** Values a channel from which saving a subtraction is worth a bit of the variance's accuracy. */
const MANY: i64 = 64;

/**
 * K of channels [from, to), from ten samples spread over the m values of each. Their offsets are computed
 * outside the loop, because a division costs more than a load.
 */
export function chooseShifts(
  shift: usize, // [c] f32
  x: usize, // [n, c, s] f32
  n: i32,
  c: i32,
  s: i32, // 1 for rows
  from: i32,
  to: i32,
): void {
  const o0 = sampleOffset(n, c, s, 0);
  const o1 = sampleOffset(n, c, s, 1);
  const o2 = sampleOffset(n, c, s, 2);
  const o3 = sampleOffset(n, c, s, 3);
  const o4 = sampleOffset(n, c, s, 4);
  const o5 = sampleOffset(n, c, s, 5);
  const o6 = sampleOffset(n, c, s, 6);
  const o7 = sampleOffset(n, c, s, 7);
  const o8 = sampleOffset(n, c, s, 8);
  const o9 = sampleOffset(n, c, s, 9);
  const maybeZero = <i64>n * <i64>s >= MANY;
  const plane = (<usize>s) << 2;
  let j = from;
  if (s == 1) {
    while (j + 4 <= to) {
      const k = shiftOf(
        true,
        maybeZero,
        x + <usize>j * plane,
        o0,
        o1,
        o2,
        o3,
        o4,
        o5,
        o6,
        o7,
        o8,
        o9,
      );
      v128.store(at(shift, j), k);
      j += 4;
    }
  }
  while (j < to) {
    const k = shiftOf(
      false,
      maybeZero,
      x + <usize>j * plane,
      o0,
      o1,
      o2,
      o3,
      o4,
      o5,
      o6,
      o7,
      o8,
      o9,
    );
    v128.store_lane<f32>(at(shift, j), k, 0);
    j += 1;
  }
}

/**
 * K of the channel at `p`, or of four neighbours with `four`.
 * @inline
 */
function shiftOf(
  four: bool,
  maybeZero: bool,
  p: usize,
  o0: usize,
  o1: usize,
  o2: usize,
  o3: usize,
  o4: usize,
  o5: usize,
  o6: usize,
  o7: usize,
  o8: usize,
  o9: usize,
): v128 {
  const v1 = take(four, p + o1);
  const v3 = take(four, p + o3);
  const v5 = take(four, p + o5);
  const v7 = take(four, p + o7);
  const v9 = take(four, p + o9);
  const k = median(v1, v3, v5, v7, v9);
  if (!maybeZero) return k;
  const v0 = take(four, p + o0);
  const v2 = take(four, p + o2);
  const v4 = take(four, p + o4);
  const v6 = take(four, p + o6);
  const v8 = take(four, p + o8);
  const low = f32x4.pmin(least(v1, v3, v5, v7, v9), least(v0, v2, v4, v6, v8));
  const high = f32x4.pmax(greatest(v1, v3, v5, v7, v9), greatest(v0, v2, v4, v6, v8));
  return zeroIfNear(k, f32x4.sub(high, low));
}

/**
 * Four numbers at `p`, or one.
 * @inline
 */
function take(four: bool, p: usize): v128 {
  return four ? v128.load(p) : v128.load32_zero(p);
}

/**
 * Byte offset, within a channel, of sample i of ten: position ⌊i·n·s/10⌋ of its n·s.
 */
function sampleOffset(n: i32, c: i32, s: i32, i: i64): usize {
  const position = <usize>((i * <i64>n * <i64>s) / 10);
  return ((position / <usize>s) * <usize>c * <usize>s + (position % <usize>s)) << 2;
}

/**
 * Lane-wise median of five, or 0 if that is not finite: a channel that holds one infinity then still
 * reports an infinite mean, as in PyTorch. @inline
 */
function median(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
  const low = f32x4.pmax(f32x4.pmin(a, b), f32x4.pmin(c, d));
  const high = f32x4.pmin(f32x4.pmax(a, b), f32x4.pmax(c, d));
  const middle = f32x4.pmax(f32x4.pmin(low, high), f32x4.pmin(f32x4.pmax(low, high), e));
  return v128.and(middle, f32x4.lt(f32x4.abs(middle), f32x4.splat(Infinity)));
}

/**
 * The median, or 0 if it is no further from 0 than twice the samples' range. The range of ten normal
 * samples is about three standard deviations. @inline
 */
function zeroIfNear(middle: v128, range: v128): v128 {
  return v128.andnot(middle, f32x4.le(f32x4.abs(middle), f32x4.add(range, range)));
}

/** @inline */
function least(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
  return f32x4.pmin(f32x4.pmin(f32x4.pmin(a, b), f32x4.pmin(c, d)), e);
}

/** @inline */
function greatest(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
  return f32x4.pmax(f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d)), e);
}

/**
 * K of channels [from, to) with a mask: the median of three positions that count, or 0 if that is not
 * finite.
 */
export function chooseMaskedShifts(
  shift: usize, // [c] f32
  x: usize, // [n, c, s] f32, or with s = 0 [n, c]
  mask: usize, // [n, s] f32, or with s = 0 [n]
  n: i32,
  c: i32,
  s: i32,
  from: i32,
  to: i32,
): void {
  const size = n * max(s, 1);
  const o0 = countedOffset(mask, size, c, s, size / 6);
  const o1 = countedOffset(mask, size, c, s, size / 2);
  const o2 = countedOffset(mask, size, c, s, size - 1 - size / 6);
  const channel = (<usize>max(s, 1)) << 2;
  for (let j = from; j < to; j++) {
    const p = x + <usize>j * channel;
    const k0 = f32.load(p + o0);
    const k1 = f32.load(p + o1);
    const k = max(min(k0, k1), min(max(k0, k1), f32.load(p + o2)));
    f32.store(at(shift, j), abs(k) < Infinity ? k : 0);
  }
}

/**
 * Byte offset, within a channel, of the next position from `start` on that counts. After the last position
 * the search goes on at the first.
 */
function countedOffset(mask: usize, size: i32, c: i32, s: i32, start: i32): usize {
  let position = start;
  while (f32.load(at(mask, position)) == 0) {
    position++;
    if (position == size) position = 0;
  }
  if (!s) return (<usize>position * <usize>c) << 2;
  return (<usize>(position / s) * <usize>c * <usize>s + <usize>(position % s)) << 2;
}
