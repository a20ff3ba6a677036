import { at } from '../lanes';
import { evens, loadEvery, odds, zipHigh, zipLow } from '../shuffle';
import { innerFrom, innerTo, isHalving, PoolShape, tapsBefore, tapsWithin } from './shape';

/**
 * y[o] = (1 / divisor) Σ_t x[o·stride − pad + t]
 *
 * over the taps t inside the plane, in both directions, row by row; for planes [from, to). The divisor is
 * the area of the window inside the padded plane (`countIncludePad` 1) or inside the plane (0).
 */
export function avgPoolForward(
  y: usize, // [planes, outH, outW] f32
  x: usize, // [planes, height, width] f32
  shape: PoolShape,
  from: i32,
  to: i32,
): void {
  const height = shape.h;
  const width = shape.w;
  const outH = shape.outH;
  const outW = shape.outW;
  const kernelH = shape.kernelH;
  const kernelW = shape.kernelW;
  const strideW = shape.strideW;
  const padH = shape.top;
  const padW = shape.left;
  const countIncludePad = shape.countIncludePad;
  const size = (<usize>height * <usize>width) << 2;
  let py = y + ((<usize>from * <usize>outH * <usize>outW) << 2);
  const inner = innerFrom(outW, strideW, padW);
  const innerEnd = innerTo(width, outW, kernelW - 1, strideW, padW);
  const wide = innerEnd - inner >= 4;
  const blocks = kernelH == 2 && kernelW == 2 && strideW == 2;
  for (let plane = from; plane < to; plane++) {
    const px = x + <usize>plane * size;
    for (let oh = 0; oh < outH; oh++) {
      const top = oh * shape.strideH - padH;
      const kh = tapsBefore(top, 1);
      const khEnd = tapsWithin(top, height, kernelH, 1);
      const rows = countIncludePad ? min(kernelH, height + padH - top) : khEnd - kh;
      const firstRow = (top + kh) * width - padW;
      const divisor = f32x4.splat(<f32>(rows * kernelW));
      const pairs = blocks && khEnd - kh == 2;
      let ow = 0;
      while (ow < outW) {
        if (wide && ow >= inner && ow < innerEnd) {
          // The last four overlap the four before them: some values are written twice.
          const last = ow >= innerEnd - 4;
          if (last) ow = innerEnd - 4;
          const p = at(px, firstRow + ow * strideW);
          const sum =
            pairs && !last
              ? sumOfBlocks(p, width)
              : sumOfFour(p, khEnd - kh, width, kernelW, strideW);
          v128.store(at(py, ow), f32x4.div(sum, divisor));
          ow += 4;
        } else {
          const left = ow * strideW - padW;
          const columns = countedTaps(left, width, kernelW, padW, countIncludePad);
          const sum = sumOfWindow(px, firstRow, left, khEnd - kh, width, kernelW, padW);
          store<f32>(at(py, ow), sum / <f32>(rows * columns));
          ow++;
        }
      }
      py += (<usize>outW) << 2;
    }
  }
}

/** Bytes of scratch of avgPoolBackward: a row of shares. */
export function avgPoolBackwardScratch(shape: PoolShape): f64 {
  return 4 * <f64>shape.outW;
}

/**
 * dx[i] = Σ_o dy[o] / divisor[o] over the outputs o whose window holds i, for planes [from, to). Outputs are
 * added row by row, and in a row tap by tap.
 */
export function avgPoolBackward(
  dx: usize, // [planes, height, width] f32, overwritten
  dy: usize, // [planes, outH, outW] f32
  shape: PoolShape,
  from: i32,
  to: i32,
  scratch: usize, // avgPoolBackwardScratch
): void {
  const height = shape.h;
  const width = shape.w;
  const outH = shape.outH;
  const outW = shape.outW;
  const kernelH = shape.kernelH;
  const kernelW = shape.kernelW;
  const strideW = shape.strideW;
  const padH = shape.top;
  const padW = shape.left;
  const countIncludePad = shape.countIncludePad;
  const size = (<usize>height * <usize>width) << 2;
  let pdy = dy + ((<usize>from * <usize>outH * <usize>outW) << 2);
  const blocks = isHalving(shape);
  for (let plane = from; plane < to; plane++) {
    const pdx = dx + <usize>plane * size;
    if (!blocks || (height & 1) != 0 || (width & 1) != 0) memory.fill(pdx, 0, size);
    for (let oh = 0; oh < outH; oh++) {
      if (blocks) {
        spreadBlocks(at(pdx, 2 * oh * width), pdy, width, outW);
      } else {
        const top = oh * shape.strideH - padH;
        const kh = tapsBefore(top, 1);
        const khEnd = tapsWithin(top, height, kernelH, 1);
        const rows = countIncludePad ? min(kernelH, height + padH - top) : khEnd - kh;
        for (let ow = 0; ow < outW; ow++) {
          const left = ow * strideW - padW;
          const columns = countedTaps(left, width, kernelW, padW, countIncludePad);
          store<f32>(at(scratch, ow), load<f32>(at(pdy, ow)) / <f32>(rows * columns));
        }
        for (let r = kh; r < khEnd; r++) {
          const row = at(pdx, (top + r) * width);
          for (let c = 0; c < kernelW; c++) {
            const start = c - padW;
            const ow = tapsBefore(start, strideW);
            const end = tapsWithin(start, width, outW, strideW);
            addEvery(row, scratch, ow * strideW + start, ow, end, strideW);
          }
        }
      }
      pdy += (<usize>outW) << 2;
    }
  }
}

/**
 * The taps along one axis that count in the divisor: those inside the padded plane, or inside the plane.
 * @inline
 */
function countedTaps(start: i32, size: i32, kernel: i32, pad: i32, countIncludePad: i32): i32 {
  if (countIncludePad) return min(kernel, size + pad - start);
  return tapsWithin(start, size, kernel, 1) - tapsBefore(start, 1);
}

/**
 * The sum of one window. `firstRow` + pad + left is the index in x of its first tap inside the plane's
 * rows.
 */
export function sumOfWindow(
  px: usize,
  firstRow: i32,
  left: i32,
  rows: i32,
  width: i32,
  kernelW: i32,
  padW: i32,
): f32 {
  const kw = tapsBefore(left, 1);
  const kwEnd = tapsWithin(left, width, kernelW, 1);
  let sum: f32 = 0;
  for (let r = 0; r < rows; r++) {
    const row = firstRow + padW + left + r * width;
    let p = at(px, row + kw);
    const end = at(px, row + kwEnd);
    while (p < end) {
      sum += load<f32>(p);
      p += 4;
    }
  }
  return sum;
}

/** Sums of four windows side by side, all inside their rows. p is the first tap of the first window. */
function sumOfFour(p: usize, rows: i32, width: i32, kernelW: i32, strideW: i32): v128 {
  let sum = f32x4.splat(0);
  for (let r = 0; r < rows; r++) {
    let tap = p + ((<usize>r * <usize>width) << 2);
    const end = at(tap, kernelW);
    while (tap < end) {
      sum = f32x4.add(sum, loadEvery(tap, strideW));
      tap += 4;
    }
  }
  return sum;
}

/**
 * Sums of four 2×2 blocks side by side.
 *
 *   a b   0 0 1 1 2 2 3 3      above = evens + odds: the upper rows of windows 0 1 2 3
 *   c d   0 0 1 1 2 2 3 3
 * @inline
 */
function sumOfBlocks(p: usize, width: i32): v128 {
  const below = (<usize>width) << 2;
  const a = v128.load(p);
  const b = v128.load(p, 16);
  const c = v128.load(p + below);
  const d = v128.load(p + below, 16);
  const above = f32x4.add(f32x4.add(f32x4.splat(0), evens(a, b)), odds(a, b));
  return f32x4.add(f32x4.add(above, evens(c, d)), odds(c, d));
}

/**
 * dx of the two input rows of one row of 2×2 blocks: a quarter of dy for each of its four inputs.
 *
 *   share   s0 s1 s2 s3   →   s0 s0 s1 s1 | s2 s2 s3 s3, in both rows
 */
function spreadBlocks(pdx: usize, pdy: usize, width: i32, outW: i32): void {
  const below = (<usize>width) << 2;
  const four = f32x4.splat(4);
  for (let ow = 0; ow < outW; ow += 4) {
    if (ow > outW - 4) ow = outW - 4;
    const p = at(pdx, 2 * ow);
    const share = f32x4.div(v128.load(at(pdy, ow)), four);
    const low = zipLow(share, share);
    const high = zipHigh(share, share);
    v128.store(p, low);
    v128.store(p, high, 16);
    v128.store(p + below, low);
    v128.store(p + below, high, 16);
  }
}

/** row[i], row[i + step], … += shares[o], … for o in [from, to). */
function addEvery(row: usize, shares: usize, i: i32, from: i32, to: i32, step: i32): void {
  let p = at(row, i);
  let q = at(shares, from);
  const end = at(shares, to);
  if (step == 1) {
    const vectorsEnd = end - 12;
    while (q < vectorsEnd) {
      v128.store(p, f32x4.add(v128.load(p), v128.load(q)));
      p += 16;
      q += 16;
    }
  }
  const stride = (<usize>step) << 2;
  while (q < end) {
    store<f32>(p, load<f32>(p) + load<f32>(q));
    p += stride;
    q += 4;
  }
}
