import { at } from '../lanes';
import { sumOfWindow } from './avgpool';
import { PoolShape } from './shape';

/**
 * y[oh, ow] = mean of x over the rows [⌊oh·H/OH⌋, ⌈(oh+1)·H/OH⌉) and the columns likewise
 *
 * for planes [from, to). These are PyTorch's bins, which overlap if OH does not divide H. Of the shape only
 * the sizes of x and y are read.
 */
export function adaptiveAvgPoolForward(
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
  const size = (<usize>height * <usize>width) << 2;
  let py = y + ((<usize>from * <usize>outH * <usize>outW) << 2);
  for (let plane = from; plane < to; plane++) {
    const px = x + <usize>plane * size;
    for (let oh = 0; oh < outH; oh++) {
      const top = binFrom(oh, height, outH);
      const rows = binTo(oh, height, outH) - top;
      for (let ow = 0; ow < outW; ow++) {
        const left = binFrom(ow, width, outW);
        const columns = binTo(ow, width, outW) - left;
        const sum = sumOfWindow(px, top * width, left, rows, width, columns, 0);
        store<f32>(py, sum / <f32>(rows * columns));
        py += 4;
      }
    }
  }
}

/** dx[i] = Σ_o dy[o] / area of o over the bins o that hold i, for planes [from, to). */
export function adaptiveAvgPoolBackward(
  dx: usize, // [planes, height, width] f32, overwritten
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
  let pdy = dy + ((<usize>from * <usize>outH * <usize>outW) << 2);
  for (let plane = from; plane < to; plane++) {
    const pdx = dx + <usize>plane * size;
    memory.fill(pdx, 0, size);
    for (let oh = 0; oh < outH; oh++) {
      const top = binFrom(oh, height, outH);
      const bottom = binTo(oh, height, outH);
      for (let ow = 0; ow < outW; ow++) {
        const left = binFrom(ow, width, outW);
        const right = binTo(ow, width, outW);
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
export function binFrom(o: i32, size: i32, outSize: i32): i32 {
  return <i32>((<i64>o * <i64>size) / <i64>outSize);
}

/**
 * ⌈(o + 1)·size / outSize⌉
 * @inline
 */
export function binTo(o: i32, size: i32, outSize: i32): i32 {
  return <i32>((<i64>(o + 1) * <i64>size + <i64>outSize - 1) / <i64>outSize);
}
