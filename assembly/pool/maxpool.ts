import { at } from '../lanes';
import { evens, loadEvery, odds, zipHigh, zipLow } from '../shuffle';
import { innerFrom, innerTo, isHalving, PoolShape, tapsBefore, tapsWithin } from './shape';

/** The position of each maximum: row·width + column in its plane, or −1 if no tap is inside the plane. */
export type MaxIndex = usize;

/**
 * y[o] = max_t x[o·stride − pad + t·dilation]
 *
 * over the taps t inside the plane, in both directions, for planes [from, to). As in PyTorch, the first of
 * equal maxima is taken, and a NaN counts as the maximum, the last one if there are several; padding counts
 * as −∞. `index` is 0 if no backward follows.
 */
export function maxPoolForward(
  y: usize, // [planes, outH, outW] f32
  index: MaxIndex, // [planes, outH, outW] i32, or 0
  x: usize, // [planes, height, width] f32
  shape: PoolShape,
  from: i32,
  to: i32,
): void {
  const height = shape.h;
  const width = shape.w;
  const outH = shape.outH;
  const outW = shape.outW;
  const kernelW = shape.kernelW;
  const strideW = shape.strideW;
  const padW = shape.left;
  const dilationH = shape.dilationH;
  const dilationW = shape.dilationW;
  const size = (<usize>height * <usize>width) << 2;
  const outSize = (<usize>outH * <usize>outW) << 2;
  const rowSize = (<usize>outW) << 2;
  const blocks = isHalving(shape);
  const inner = innerFrom(outW, strideW, padW);
  const innerEnd = innerTo(width, outW, (kernelW - 1) * dilationW, strideW, padW);
  for (let plane = from; plane < to; plane++) {
    const px = x + <usize>plane * size;
    let py = y + <usize>plane * outSize;
    let pi: usize = index == 0 ? 0 : index + <usize>plane * outSize;
    for (let oh = 0; oh < outH; oh++) {
      if (blocks) {
        maxOfBlocks(py, pi, px, 2 * oh * width, width, outW);
      } else {
        const top = oh * shape.strideH - shape.top;
        const kh = tapsBefore(top, dilationH);
        const khEnd = tapsWithin(top, height, shape.kernelH, dilationH);
        const wide = innerEnd - inner >= 4 && kh < khEnd;
        let ow = 0;
        while (ow < outW) {
          const left = ow * strideW - padW;
          if (wide && ow >= inner && ow < innerEnd) {
            // The last four overlap the four before: some values are written twice.
            const o = min(ow, innerEnd - 4);
            maxOfFour(
              at(py, o),
              pi == 0 ? 0 : at(pi, o),
              px,
              (top + kh * dilationH) * width + o * strideW - padW,
              khEnd - kh,
              width,
              kernelW,
              strideW,
              dilationH,
              dilationW,
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
              kernelW,
              dilationH,
              dilationW,
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
 * dx[i] = Σ_o dy[o] over the outputs o whose maximum is x[i], for planes [from, to). If windows share a
 * maximum, the sum is in the order of o.
 */
export function maxPoolBackward(
  dx: usize, // [planes, height, width] f32, overwritten
  index: MaxIndex, // [planes, outH, outW] i32
  dy: usize, // [planes, outH, outW] f32
  shape: PoolShape,
  from: i32,
  to: i32,
): void {
  const height = shape.h;
  const width = shape.w;
  const outH = shape.outH;
  const outW = shape.outW;
  const size = (<usize>height * <usize>width) << 2;
  const outSize = (<usize>outH * <usize>outW) << 2;
  const blocks = isHalving(shape);
  for (let plane = from; plane < to; plane++) {
    const pdx = dx + <usize>plane * size;
    let pi = index + <usize>plane * outSize;
    let pdy = dy + <usize>plane * outSize;
    if (blocks) {
      for (let oh = 0; oh < outH; oh++) {
        unpoolBlocks(pdx, pi, pdy, 2 * oh * width, width, outW);
        pi += (<usize>outW) << 2;
        pdy += (<usize>outW) << 2;
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
export function wins(v: v128, best: v128): v128 {
  return v128.or(f32x4.gt(v, best), f32x4.ne(v, v));
}

/**
 * One row of outputs, each the maximum of a 2×2 block. `first` is the index in x of the row's first input.
 *
 *   a b   0 0 1 1 2 2 3 3      evens(a, b), odds(a, b), evens(c, d), odds(c, d): tap by tap, the
 *   c d   0 0 1 1 2 2 3 3      candidates of outputs 0 1 2 3
 */
function maxOfBlocks(py: usize, pi: usize, px: usize, first: i32, width: i32, outW: i32): void {
  const below = (<usize>width) << 2;
  for (let ow = 0; ow < outW; ow += 4) {
    if (ow > outW - 4) ow = outW - 4; // overlaps the four before
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

/**
 * dx of the two input rows of one row of 2×2 blocks: dy at the position of the maximum, 0 elsewhere.
 *
 *   upLeft   u0 u1 u2 u3
 *   upRight  v0 v1 v2 v3   →   u0 v0 u1 v1 | u2 v2 u3 v3, and the lower row likewise
 */
function unpoolBlocks(pdx: usize, pi: usize, pdy: usize, first: i32, width: i32, outW: i32): void {
  const below = (<usize>width) << 2;
  for (let ow = 0; ow < outW; ow += 4) {
    if (ow > outW - 4) ow = outW - 4;
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

/** Four outputs side by side whose windows lie inside their rows. `first` is the index in x of tap 0. */
function maxOfFour(
  py: usize,
  pi: usize,
  px: usize,
  first: i32,
  rows: i32,
  width: i32,
  kernelW: i32,
  strideW: i32,
  dilationH: i32,
  dilationW: i32,
): void {
  const lanes = i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(strideW));
  let best = f32x4.splat(-Infinity); // if no tap is greater, the first tap is taken
  let where = i32x4.add(i32x4.splat(first), lanes);
  for (let r = 0; r < rows; r++) {
    let tap = first + r * dilationH * width;
    const end = tap + kernelW * dilationW;
    while (tap < end) {
      const v = loadEvery(at(px, tap), strideW);
      const mask = wins(v, best);
      best = v128.bitselect(v, best, mask);
      where = v128.bitselect(i32x4.add(i32x4.splat(tap), lanes), where, mask);
      tap += dilationW;
    }
  }
  v128.store(py, best);
  if (pi != 0) v128.store(pi, where);
}

/** One output whose window may extend beyond either side. Its rows inside the plane are [kh, khEnd). */
function maxOfWindow(
  py: usize,
  pi: usize,
  px: usize,
  top: i32,
  left: i32,
  kh: i32,
  khEnd: i32,
  width: i32,
  kernelW: i32,
  dilationH: i32,
  dilationW: i32,
): void {
  const kw = tapsBefore(left, dilationW);
  const kwEnd = tapsWithin(left, width, kernelW, dilationW);
  let best: f32 = -Infinity;
  let where = -1;
  for (let r = kh; r < khEnd; r++) {
    const row = (top + r * dilationH) * width + left;
    for (let c = kw; c < kwEnd; c++) {
      const i = row + c * dilationW;
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
