import { at } from '../lanes';
import { binFrom, binTo } from './adaptiveavgpool';
import { MaxIndex, wins } from './maxpool';
import { PoolShape } from './shape';

/**
 * y[oh, ow] = max of x over the rows [⌊oh·H/OH⌋, ⌈(oh+1)·H/OH⌉) and the columns likewise
 *
 * for planes [from, to). As in max pooling, the first of equal maxima is taken, and a NaN counts as the maximum,
 * the last one if there are several. Of the shape only the sizes of x and y are read. The backward pass is
 * `maxPoolBackward`.
 */
export function adaptiveMaxPoolForward(
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
  const size = (<usize>height * <usize>width) << 2;
  let o = (<usize>from * <usize>outH * <usize>outW) << 2;
  for (let plane = from; plane < to; plane++) {
    const px = x + <usize>plane * size;
    for (let oh = 0; oh < outH; oh++) {
      const top = binFrom(oh, height, outH);
      const bottom = binTo(oh, height, outH);
      for (let ow = 0; ow < outW; ow++) {
        const left = binFrom(ow, width, outW);
        const right = binTo(ow, width, outW);
        const where =
          outW == 1
            ? maxOfRun(px, top * width, bottom * width)
            : maxOfBin(px, top, bottom, left, right, width);
        store<f32>(y + o, load<f32>(at(px, where)));
        if (index != 0) store<i32>(index + o, where);
        o += 4;
      }
    }
  }
}

/** The position of the largest of the elements [from, to). */
function maxOfRun(x: usize, from: i32, to: i32): i32 {
  let where = from;
  let i = from;
  if (to - from >= 4) {
    // Each lane finds its own maximum; then the lanes are compared.
    let best = v128.load(at(x, i));
    let positions = i32x4.add(i32x4.splat(i), i32x4(0, 1, 2, 3));
    let found = positions;
    const four = i32x4.splat(4);
    for (i += 4; i + 4 <= to; i += 4) {
      positions = i32x4.add(positions, four);
      const v = v128.load(at(x, i));
      const mask = wins(v, best);
      best = v128.bitselect(v, best, mask);
      found = v128.bitselect(positions, found, mask);
    }
    where = i32x4.extract_lane(found, 0);
    where = better(x, where, i32x4.extract_lane(found, 1));
    where = better(x, where, i32x4.extract_lane(found, 2));
    where = better(x, where, i32x4.extract_lane(found, 3));
  }
  for (; i < to; i++) where = better(x, where, i);
  return where;
}

/** The position of the largest of a bin. */
function maxOfBin(x: usize, top: i32, bottom: i32, left: i32, right: i32, width: i32): i32 {
  let where = top * width + left;
  for (let h = top; h < bottom; h++) {
    for (let w = left; w < right; w++) where = better(x, where, h * width + w);
  }
  return where;
}

/**
 * Of two positions that of the larger number: the last of two NaNs, otherwise the first of equals.
 * @inline
 */
function better(x: usize, i: i32, j: i32): i32 {
  const a = load<f32>(at(x, i));
  const b = load<f32>(at(x, j));
  if (F32.isNaN(a)) return F32.isNaN(b) ? max(i, j) : i;
  if (F32.isNaN(b) || b > a) return j;
  return a == b ? min(i, j) : i;
}
