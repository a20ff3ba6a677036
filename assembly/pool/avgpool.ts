import { at, sumLanes } from '../lanes';
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
 * y[o] = (1 / divisor) Σ over the window's taps t inside the plane of x[o·stride − pad + t]
 *
 * in both directions, for planes [from, to). The divisor is the window's area inside the padded
 * plane (`countIncludePad` 1) or inside the plane itself (0). A sum runs row by row.
 */
export function avgPoolForward(
  y: usize, // [planes, outHeight, outWidth] f32
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
  countIncludePad: i32,
  from: i32,
  to: i32,
): void {
  const size = (<usize>height * <usize>width) << 2;
  let py = y + ((<usize>from * <usize>outHeight * <usize>outWidth) << 2);
  const inner = innerFrom(outWidth, strideWidth, padWidth);
  const innerEnd = innerTo(width, outWidth, kernelWidth - 1, strideWidth, padWidth);
  const wide = innerEnd - inner >= 4;
  const quarters = kernelHeight == 2 && kernelWidth == 2 && strideWidth == 2;
  for (let plane = from; plane < to; plane++) {
    const px = x + <usize>plane * size;
    for (let oh = 0; oh < outHeight; oh++) {
      const top = oh * strideHeight - padHeight;
      const kh = tapsBefore(top, 1);
      const khEnd = tapsWithin(top, height, kernelHeight, 1);
      const rows = countIncludePad ? min(kernelHeight, height + padHeight - top) : khEnd - kh;
      const firstRow = (top + kh) * width - padWidth;
      const divisor = f32x4.splat(<f32>(rows * kernelWidth));
      const pairs = quarters && khEnd - kh == 2;
      let ow = 0;
      while (ow < outWidth) {
        if (wide && ow >= inner && ow < innerEnd) {
          // The last four overlap those before: the same values, written twice.
          const last = ow >= innerEnd - 4;
          if (last) ow = innerEnd - 4;
          const p = at(px, firstRow + ow * strideWidth);
          const sum =
            pairs && !last
              ? sumOfQuarters(p, width)
              : sumOfFour(p, khEnd - kh, width, kernelWidth, strideWidth);
          v128.store(at(py, ow), f32x4.div(sum, divisor));
          ow += 4;
        } else {
          const left = ow * strideWidth - padWidth;
          const columns = divisorWidth(left, width, kernelWidth, padWidth, countIncludePad);
          const sum = sumOfWindow(px, firstRow, left, khEnd - kh, width, kernelWidth, padWidth);
          store<f32>(at(py, ow), sum / <f32>(rows * columns));
          ow++;
        }
      }
      py += (<usize>outWidth) << 2;
    }
  }
}

/**
 * dx[i] = Σ dy[o] / divisor[o] over the windows o that hold i, for planes [from, to): dx is
 * overwritten. Windows are added row of outputs by row, tap by tap.
 */
export function avgPoolBackward(
  dx: usize, // [planes, height, width] f32, overwritten
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
  countIncludePad: i32,
  from: i32,
  to: i32,
  scratch: usize, // [outWidth] f32
): void {
  const size = (<usize>height * <usize>width) << 2;
  let pdy = dy + ((<usize>from * <usize>outHeight * <usize>outWidth) << 2);
  const quarters =
    isHalving(height, outHeight, kernelHeight, strideHeight, padHeight) &&
    isHalving(width, outWidth, kernelWidth, strideWidth, padWidth) &&
    outWidth >= 4;
  for (let plane = from; plane < to; plane++) {
    const pdx = dx + <usize>plane * size;
    if (!quarters || (height & 1) != 0 || (width & 1) != 0) memory.fill(pdx, 0, size);
    for (let oh = 0; oh < outHeight; oh++) {
      if (quarters) {
        quarterRowBackward(at(pdx, 2 * oh * width), pdy, width, outWidth);
      } else {
        const top = oh * strideHeight - padHeight;
        const kh = tapsBefore(top, 1);
        const khEnd = tapsWithin(top, height, kernelHeight, 1);
        const rows = countIncludePad ? min(kernelHeight, height + padHeight - top) : khEnd - kh;
        for (let ow = 0; ow < outWidth; ow++) {
          const left = ow * strideWidth - padWidth;
          const columns = divisorWidth(left, width, kernelWidth, padWidth, countIncludePad);
          store<f32>(at(scratch, ow), load<f32>(at(pdy, ow)) / <f32>(rows * columns));
        }
        for (let r = kh; r < khEnd; r++) {
          const row = at(pdx, (top + r) * width);
          for (let c = 0; c < kernelWidth; c++) {
            const start = c - padWidth;
            const ow = tapsBefore(start, strideWidth);
            const end = tapsWithin(start, width, outWidth, strideWidth);
            addEvery(row, scratch, ow * strideWidth + start, ow, end, strideWidth);
          }
        }
      }
      pdy += (<usize>outWidth) << 2;
    }
  }
}

/** y[p] = mean of plane p, for planes [from, to): four lanes of sums in sixteen, in one order. */
export function globalAvgPoolForward(
  y: usize, // [planes] f32
  x: usize, // [planes, size] f32
  size: i32,
  from: i32,
  to: i32,
): void {
  const tail = size & 3;
  const blocks = size & ~15;
  for (let plane = from; plane < to; plane++) {
    let p = x + ((<usize>plane * <usize>size) << 2);
    const blocksEnd = at(p, blocks);
    const vectorsEnd = at(p, size - tail);
    const end = at(p, size);
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    while (p < blocksEnd) {
      s0 = f32x4.add(s0, v128.load(p));
      s1 = f32x4.add(s1, v128.load(p, 16));
      s2 = f32x4.add(s2, v128.load(p, 32));
      s3 = f32x4.add(s3, v128.load(p, 48));
      p += 64;
    }
    while (p < vectorsEnd) {
      s0 = f32x4.add(s0, v128.load(p));
      p += 16;
    }
    let sum = sumLanes(f32x4.add(f32x4.add(s0, s2), f32x4.add(s1, s3)));
    while (p < end) {
      sum += load<f32>(p);
      p += 4;
    }
    store<f32>(at(y, plane), sum / <f32>size);
  }
}

/** dx[p, i] = dy[p] / size, for planes [from, to): dx is overwritten. */
export function globalAvgPoolBackward(
  dx: usize, // [planes, size] f32, overwritten
  dy: usize, // [planes] f32
  size: i32,
  from: i32,
  to: i32,
): void {
  const tail = size & 3;
  for (let plane = from; plane < to; plane++) {
    let p = dx + ((<usize>plane * <usize>size) << 2);
    const vectorsEnd = at(p, size - tail);
    const end = at(p, size);
    const share = load<f32>(at(dy, plane)) / <f32>size;
    const shares = f32x4.splat(share);
    while (p < vectorsEnd) {
      v128.store(p, shares);
      p += 16;
    }
    while (p < end) {
      store<f32>(p, share);
      p += 4;
    }
  }
}

/**
 * y[oh, ow] = mean of x over rows [⌊oh·H/OH⌋, ⌈(oh+1)·H/OH⌉) and the like columns: PyTorch's bins,
 * which overlap where the sizes do not divide. For planes [from, to).
 */
export function adaptiveAvgPoolForward(
  y: usize, // [planes, outHeight, outWidth] f32
  x: usize, // [planes, height, width] f32
  height: i32,
  width: i32,
  outHeight: i32,
  outWidth: i32,
  from: i32,
  to: i32,
): void {
  const size = (<usize>height * <usize>width) << 2;
  let py = y + ((<usize>from * <usize>outHeight * <usize>outWidth) << 2);
  for (let plane = from; plane < to; plane++) {
    const px = x + <usize>plane * size;
    for (let oh = 0; oh < outHeight; oh++) {
      const top = binFrom(oh, height, outHeight);
      const rows = binTo(oh, height, outHeight) - top;
      for (let ow = 0; ow < outWidth; ow++) {
        const left = binFrom(ow, width, outWidth);
        const columns = binTo(ow, width, outWidth) - left;
        const sum = sumOfWindow(px, top * width, left, rows, width, columns, 0);
        store<f32>(py, sum / <f32>(rows * columns));
        py += 4;
      }
    }
  }
}

/** dx[i] = Σ dy[o] / area of o over the bins o that hold i, for planes [from, to): overwritten. */
export function adaptiveAvgPoolBackward(
  dx: usize, // [planes, height, width] f32, overwritten
  dy: usize, // [planes, outHeight, outWidth] f32
  height: i32,
  width: i32,
  outHeight: i32,
  outWidth: i32,
  from: i32,
  to: i32,
): void {
  const size = (<usize>height * <usize>width) << 2;
  let pdy = dy + ((<usize>from * <usize>outHeight * <usize>outWidth) << 2);
  for (let plane = from; plane < to; plane++) {
    const pdx = dx + <usize>plane * size;
    memory.fill(pdx, 0, size);
    for (let oh = 0; oh < outHeight; oh++) {
      const top = binFrom(oh, height, outHeight);
      const bottom = binTo(oh, height, outHeight);
      for (let ow = 0; ow < outWidth; ow++) {
        const left = binFrom(ow, width, outWidth);
        const right = binTo(ow, width, outWidth);
        const share = load<f32>(pdy) / <f32>((bottom - top) * (right - left));
        for (let h = top; h < bottom; h++) {
          let p = at(pdx, h * width + left);
          const end = at(pdx, h * width + right);
          while (p < end) {
            store<f32>(p, load<f32>(p) + share);
            p += 4;
          }
        }
        pdy += 4;
      }
    }
  }
}

/**
 * ⌊o·size / outSize⌋
 * @inline
 */
function binFrom(o: i32, size: i32, outSize: i32): i32 {
  return <i32>((<i64>o * <i64>size) / <i64>outSize);
}

/**
 * ⌈(o + 1)·size / outSize⌉
 * @inline
 */
function binTo(o: i32, size: i32, outSize: i32): i32 {
  return <i32>((<i64>(o + 1) * <i64>size + <i64>outSize - 1) / <i64>outSize);
}

/**
 * The columns a window counts in its divisor: inside the padded row, or inside the row.
 * @inline
 */
function divisorWidth(left: i32, width: i32, kernel: i32, pad: i32, countIncludePad: i32): i32 {
  if (countIncludePad) return min(kernel, width + pad - left);
  return tapsWithin(left, width, kernel, 1) - tapsBefore(left, 1);
}

/** Sum of one window; `firstRow` + pad + left is x's index of its first tap, its rows are cut. */
function sumOfWindow(
  px: usize,
  firstRow: i32,
  left: i32,
  rows: i32,
  width: i32,
  kernelWidth: i32,
  padWidth: i32,
): f32 {
  const kw = tapsBefore(left, 1);
  const kwEnd = tapsWithin(left, width, kernelWidth, 1);
  let sum: f32 = 0;
  for (let r = 0; r < rows; r++) {
    const row = firstRow + padWidth + left + r * width;
    let p = at(px, row + kw);
    const end = at(px, row + kwEnd);
    while (p < end) {
      sum += load<f32>(p);
      p += 4;
    }
  }
  return sum;
}

/** Sums of four windows side by side, each inside its row; p is the first tap of the first. */
function sumOfFour(p: usize, rows: i32, width: i32, kernelWidth: i32, strideWidth: i32): v128 {
  let sum = f32x4.splat(0);
  for (let r = 0; r < rows; r++) {
    let tap = p + ((<usize>r * <usize>width) << 2);
    const end = at(tap, kernelWidth);
    while (tap < end) {
      sum = f32x4.add(sum, loadEvery(tap, strideWidth));
      tap += 4;
    }
  }
  return sum;
}

/**
 * The same for 2×2 windows, two apart.
 * @inline
 */
function sumOfQuarters(p: usize, width: i32): v128 {
  const below = (<usize>width) << 2;
  const a = v128.load(p);
  const b = v128.load(p, 16);
  const c = v128.load(p + below);
  const d = v128.load(p + below, 16);
  const above = f32x4.add(f32x4.add(f32x4.splat(0), evens(a, b)), odds(a, b));
  return f32x4.add(f32x4.add(above, evens(c, d)), odds(c, d));
}

/** dx of the two rows under one row of 2×2 windows. */
function quarterRowBackward(pdx: usize, pdy: usize, width: i32, outWidth: i32): void {
  const below = (<usize>width) << 2;
  const four = f32x4.splat(4);
  for (let ow = 0; ow < outWidth; ow += 4) {
    if (ow > outWidth - 4) ow = outWidth - 4;
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
