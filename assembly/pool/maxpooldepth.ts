import { at, loadUpTo, storeUpTo } from '../lanes';
import { MaxIndex, wins } from './maxpool';
import { PoolShape, tapsBefore, tapsWithin } from './shape';

/**
 * The second half of a maximum over windows of a volume. The first half, maxPoolForward, takes the maxima of each
 * slice; this takes the largest of them along the depth:
 *
 * y[d, q] = max_t x[d·strideH − top + t·dilationH, q]
 *
 * over the taps t inside the volume, for volumes [from, to), whose depth is the shape's height and whose slices are
 * its rows. `xIndex` holds where each maximum of a slice is in its slice, `index` where it is in the volume; −1
 * means that no tap was inside. The first of equal maxima is taken, and the last NaN: in PyTorch's order of taps, in
 * which the depth comes first.
 */
export function maxPoolDepthForward(
  y: usize, // [volumes, outH, w] f32
  index: MaxIndex, // [volumes, outH, w] i32, or 0
  x: usize, // [volumes, h, w] f32
  xIndex: MaxIndex, // [volumes, h, w] i32, or 0
  plane: i32, // positions of a slice before the first half
  shape: PoolShape,
  from: i32,
  to: i32,
): void {
  const depth = shape.h;
  const outDepth = shape.outH;
  const w = shape.w;
  const kernel = shape.kernelH;
  const dilation = shape.dilationH;
  const row = (<usize>w) << 2;
  let out = <usize>from * <usize>outDepth * row;
  for (let volume = from; volume < to; volume++) {
    for (let o = 0; o < outDepth; o++) {
      const start = o * shape.strideH - shape.top;
      const first = tapsBefore(start, dilation);
      const last = tapsWithin(start, depth, kernel, dilation);
      for (let q = 0; q < w; q += 4) {
        const count = w - q;
        let best = f32x4.splat(-Infinity);
        let where = i32x4.splat(-1);
        for (let t = first; t < last; t++) {
          const d = start + t * dilation;
          const p = at(<usize>(volume * depth + d) * row, q);
          const v = loadUpTo(x + p, count);
          // All lanes of the first tap, and later those in which it is greater.
          const mask = t == first ? i32x4.splat(-1) : wins(v, best);
          best = v128.bitselect(v, best, mask);
          if (index != 0) {
            const i = loadUpTo(xIndex + p, count);
            const inVolume = i32x4.add(i, i32x4.splat(d * plane));
            const missing = i32x4.shr_s(i, 31);
            where = v128.bitselect(v128.or(inVolume, missing), where, mask);
          }
        }
        storeUpTo(at(y + out, q), best, count);
        if (index != 0) storeUpTo(at(index + out, q), where, count);
      }
      out += row;
    }
  }
}
