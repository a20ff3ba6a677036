import { at } from '../lanes';
import {
  evens,
  innerFrom,
  innerTo,
  isHalving,
  loadEvery,
  odds,
  tapsBefore,
  tapsWithin,
  zipHigh,
  zipLow,
} from './window';

/**
 * y[o] = max over the window's taps t inside the plane of x[o·stride − pad + t·dilation]
 *
 * in both directions, for planes [from, to). As in PyTorch the first of equal maxima is taken and a
 * NaN, the last if several, wins; padding counts as −∞. `index` is 0 when no backward will follow.
 */
export function maxPoolForward(
  y: usize, // [planes, outHeight, outWidth] f32
  index: usize, // [planes, outHeight, outWidth] i32: row·width + column of the maximum, −1 if none
  x: usize, // [planes, height, width] f32
  height: i32,
  width: i32,
  outHeight: i32,
  outWidth: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  padHeight: i32,
  padWidth: i32,
  dilationHeight: i32,
  dilationWidth: i32,
  from: i32,
  to: i32,
): void {
  const size = (<usize>height * <usize>width) << 2;
  const outSize = (<usize>outHeight * <usize>outWidth) << 2;
  const rowSize = (<usize>outWidth) << 2;
  const quarters =
    dilationHeight == 1 &&
    dilationWidth == 1 &&
    isHalving(height, outHeight, kernelHeight, strideHeight, padHeight) &&
    isHalving(width, outWidth, kernelWidth, strideWidth, padWidth) &&
    outWidth >= 4;
  const inner = innerFrom(outWidth, strideWidth, padWidth);
  const innerEnd = innerTo(
    width,
    outWidth,
    (kernelWidth - 1) * dilationWidth,
    strideWidth,
    padWidth,
  );
  for (let plane = from; plane < to; plane++) {
    const px = x + <usize>plane * size;
    let py = y + <usize>plane * outSize;
    let pi: usize = index == 0 ? 0 : index + <usize>plane * outSize;
    for (let oh = 0; oh < outHeight; oh++) {
      if (quarters) {
        quarterRow(py, pi, px, 2 * oh * width, width, outWidth);
      } else {
        const top = oh * strideHeight - padHeight;
        const kh = tapsBefore(top, dilationHeight);
        const khEnd = tapsWithin(top, height, kernelHeight, dilationHeight);
        const wide = innerEnd - inner >= 4 && kh < khEnd;
        let ow = 0;
        while (ow < outWidth) {
          const left = ow * strideWidth - padWidth;
          if (wide && ow >= inner && ow < innerEnd) {
            // The last four overlap those before: the same values, written twice.
            const o = min(ow, innerEnd - 4);
            maxOfFour(
              at(py, o),
              pi == 0 ? 0 : at(pi, o),
              px,
              (top + kh * dilationHeight) * width + o * strideWidth - padWidth,
              khEnd - kh,
              width,
              kernelWidth,
              strideWidth,
              dilationHeight,
              dilationWidth,
            );
            ow = o + 4;
          } else {
            maxOfWindow(
              at(py, ow),
              pi == 0 ? 0 : at(pi, ow),
              px,
              top,
              left,
              kh,
              khEnd,
              width,
              kernelWidth,
              dilationHeight,
              dilationWidth,
            );
            ow++;
          }
        }
      }
      py += rowSize;
      if (pi != 0) pi += rowSize;
    }
  }
}

/**
 * dx[index[o]] += dy[o] over dx = 0, for planes [from, to): dx is overwritten. Where windows share
 * a maximum the sum runs in the order of o.
 */
export function maxPoolBackward(
  dx: usize, // [planes, height, width] f32, overwritten
  index: usize, // [planes, outHeight, outWidth] i32
  dy: usize, // [planes, outHeight, outWidth] f32
  height: i32,
  width: i32,
  outHeight: i32,
  outWidth: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  padHeight: i32,
  padWidth: i32,
  dilationHeight: i32,
  dilationWidth: i32,
  from: i32,
  to: i32,
): void {
  const size = (<usize>height * <usize>width) << 2;
  const outSize = (<usize>outHeight * <usize>outWidth) << 2;
  const quarters =
    dilationHeight == 1 &&
    dilationWidth == 1 &&
    isHalving(height, outHeight, kernelHeight, strideHeight, padHeight) &&
    isHalving(width, outWidth, kernelWidth, strideWidth, padWidth) &&
    outWidth >= 4;
  for (let plane = from; plane < to; plane++) {
    const pdx = dx + <usize>plane * size;
    let pi = index + <usize>plane * outSize;
    let pdy = dy + <usize>plane * outSize;
    if (quarters) {
      for (let oh = 0; oh < outHeight; oh++) {
        quarterRowBackward(pdx, pi, pdy, 2 * oh * width, width, outWidth);
        pi += (<usize>outWidth) << 2;
        pdy += (<usize>outWidth) << 2;
      }
      if (height & 1) memory.fill(at(pdx, (height - 1) * width), 0, (<usize>width) << 2);
    } else {
      memory.fill(pdx, 0, size);
      const end = pdy + outSize;
      while (pdy < end) {
        const i = load<i32>(pi);
        if (i >= 0) {
          const p = at(pdx, i);
          store<f32>(p, load<f32>(p) + load<f32>(pdy));
        }
        pi += 4;
        pdy += 4;
      }
    }
  }
}

/**
 * Lanes in which v replaces the maximum so far: v > best, or v is NaN.
 * @inline
 */
function wins(v: v128, best: v128): v128 {
  return v128.or(f32x4.gt(v, best), f32x4.ne(v, v));
}

/** One row of outputs, each the maximum of a 2×2 block; `first` is the row's index in x. */
function quarterRow(py: usize, pi: usize, px: usize, first: i32, width: i32, outWidth: i32): void {
  const below = (<usize>width) << 2;
  for (let ow = 0; ow < outWidth; ow += 4) {
    if (ow > outWidth - 4) ow = outWidth - 4; // overlaps those before: the same values, twice
    const p = at(px, first + 2 * ow);
    const a = v128.load(p);
    const b = v128.load(p, 16);
    const c = v128.load(p + below);
    const d = v128.load(p + below, 16);
    let best = evens(a, b);
    let where = i32x4.add(i32x4.splat(first + 2 * ow), i32x4(0, 2, 4, 6));
    const corner = where;
    let v = odds(a, b);
    let mask = wins(v, best);
    best = v128.bitselect(v, best, mask);
    where = v128.bitselect(i32x4.add(corner, i32x4.splat(1)), where, mask);
    v = evens(c, d);
    mask = wins(v, best);
    best = v128.bitselect(v, best, mask);
    where = v128.bitselect(i32x4.add(corner, i32x4.splat(width)), where, mask);
    v = odds(c, d);
    mask = wins(v, best);
    best = v128.bitselect(v, best, mask);
    where = v128.bitselect(i32x4.add(corner, i32x4.splat(width + 1)), where, mask);
    v128.store(at(py, ow), best);
    if (pi != 0) v128.store(at(pi, ow), where);
  }
}

/** dx of the two rows under one row of outputs: dy where the maximum was, 0 elsewhere. */
function quarterRowBackward(
  pdx: usize,
  pi: usize,
  pdy: usize,
  first: i32,
  width: i32,
  outWidth: i32,
): void {
  const below = (<usize>width) << 2;
  for (let ow = 0; ow < outWidth; ow += 4) {
    if (ow > outWidth - 4) ow = outWidth - 4;
    const p = at(pdx, first + 2 * ow);
    const dy = v128.load(at(pdy, ow));
    const corner = i32x4.add(i32x4.splat(first + 2 * ow), i32x4(0, 2, 4, 6));
    const tap = i32x4.sub(v128.load(at(pi, ow)), corner); // 0, 1, width or width + 1
    const upLeft = v128.and(dy, i32x4.eq(tap, i32x4.splat(0)));
    const upRight = v128.and(dy, i32x4.eq(tap, i32x4.splat(1)));
    const downLeft = v128.and(dy, i32x4.eq(tap, i32x4.splat(width)));
    const downRight = v128.and(dy, i32x4.eq(tap, i32x4.splat(width + 1)));
    v128.store(p, zipLow(upLeft, upRight));
    v128.store(p, zipHigh(upLeft, upRight), 16);
    v128.store(p + below, zipLow(downLeft, downRight));
    v128.store(p + below, zipHigh(downLeft, downRight), 16);
  }
  if (width & 1) {
    store<f32>(at(pdx, first + width - 1), 0);
    store<f32>(at(pdx, first + 2 * width - 1), 0);
  }
}

/** Four outputs side by side whose windows lie inside their rows; `first` is x's index of tap 0. */
function maxOfFour(
  py: usize,
  pi: usize,
  px: usize,
  first: i32,
  rows: i32,
  width: i32,
  kernelWidth: i32,
  strideWidth: i32,
  dilationHeight: i32,
  dilationWidth: i32,
): void {
  const lanes = i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(strideWidth));
  let best = loadEvery(at(px, first), strideWidth);
  let where = i32x4.add(i32x4.splat(first), lanes);
  for (let r = 0; r < rows; r++) {
    let tap = first + r * dilationHeight * width;
    const end = tap + kernelWidth * dilationWidth;
    while (tap < end) {
      const v = loadEvery(at(px, tap), strideWidth);
      const mask = wins(v, best);
      best = v128.bitselect(v, best, mask);
      where = v128.bitselect(i32x4.add(i32x4.splat(tap), lanes), where, mask);
      tap += dilationWidth;
    }
  }
  v128.store(py, best);
  if (pi != 0) v128.store(pi, where);
}

/** One output whose window may hang over either side; its rows are already cut to [kh, khEnd). */
function maxOfWindow(
  py: usize,
  pi: usize,
  px: usize,
  top: i32,
  left: i32,
  kh: i32,
  khEnd: i32,
  width: i32,
  kernelWidth: i32,
  dilationHeight: i32,
  dilationWidth: i32,
): void {
  const kw = tapsBefore(left, dilationWidth);
  const kwEnd = tapsWithin(left, width, kernelWidth, dilationWidth);
  let best: f32 = -Infinity;
  let where = -1;
  for (let r = kh; r < khEnd; r++) {
    const row = (top + r * dilationHeight) * width + left;
    for (let c = kw; c < kwEnd; c++) {
      const i = row + c * dilationWidth;
      const v = load<f32>(at(px, i));
      if (where < 0 || v > best || F32.isNaN(v)) {
        best = v;
        where = i;
      }
    }
  }
  store<f32>(py, best);
  if (pi != 0) store<i32>(pi, where);
}
