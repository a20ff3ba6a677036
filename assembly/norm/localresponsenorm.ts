/**
 * Local response norm over neighbouring channels of planes [n, c, s]. With W(i) those of the `size` channels
 * i − ⌊size/2⌋ to i + ⌊(size − 1)/2⌋ that exist,
 *
 *   t_i  = k + α/size·Σ_{j ∈ W(i)} x_j²
 *   y_i  = x_i·t_i^−β
 *   dx_i = dy_i·t_i^−β − 2αβ/size·x_i·Σ_{j: i ∈ W(j)} dy_j·y_j/t_j
 *
 * A vector holds four neighbouring positions of one channel.
 */
import { at, loadUpTo, madd, storeUpTo } from '../lanes';
import { expLanes, logLanes } from '../math';

/** The sizes and constants of local response norm: x is [n, channels, plane]. */
@unmanaged
export class LocalResponseNormShape {
  channels: i32;
  /** Positions of a channel. */
  plane: i32;
  /** Number of channels in a window, including the channel itself. */
  size: i32;
  /** α/size. */
  share: f32;
  beta: f32;
  k: f32;
}

/** y for samples [from, to); saves t. */
export function localResponseNormForward(
  y: usize, // [n, c, s] f32
  t: usize, // [n, c, s] f32
  x: usize, // [n, c, s] f32
  shape: LocalResponseNormShape,
  from: i32,
  to: i32,
): void {
  const c = shape.channels;
  const s = shape.plane;
  const size = shape.size;
  const beta = shape.beta;
  const share = f32x4.splat(shape.share);
  const k = f32x4.splat(shape.k);
  const before = size >> 1;
  const plane = (<usize>s) << 2;
  for (let n = from; n < to; n++) {
    const sample = <usize>n * <usize>c * plane;
    for (let i = 0; i < c; i++) {
      const first = max(i - before, 0);
      const end = min(i - before + size, c);
      for (let j = 0; j < s; j += 4) {
        const count = s - j;
        const position = at(x + sample, j);
        let sum = f32x4.splat(0);
        for (let w = first; w < end; w++) {
          const v = loadUpTo(position + <usize>w * plane, count);
          sum = madd(v, v, sum);
        }
        const o = <usize>i * plane;
        const d = madd(sum, share, k);
        const v = f32x4.mul(loadUpTo(position + o, count), power(d, beta));
        storeUpTo(at(t + sample + o, j), d, count);
        storeUpTo(at(y + sample + o, j), v, count);
      }
    }
  }
}

/** t^−β. It is not inlined: it is long, and since it calls `logLanes` anyway, one more call costs little. */
function power(t: v128, beta: f32): v128 {
  return expLanes(f32x4.mul(logLanes(t), f32x4.splat(-beta)));
}

/** Bytes of scratch in the backward pass. */
export function localResponseNormScratch(shape: LocalResponseNormShape): f64 {
  return 4 * <f64>shape.channels * <f64>shape.plane;
}

/** dx for samples [from, to). Overwrites; dx may not be dy. */
export function localResponseNormBackward(
  dx: usize, // [n, c, s] f32
  t: usize, // [n, c, s] f32
  y: usize, // [n, c, s] f32
  dy: usize, // [n, c, s] f32
  x: usize, // [n, c, s] f32
  shape: LocalResponseNormShape,
  from: i32,
  to: i32,
  ratios: usize, // localResponseNormScratch(shape): [c, s] f32, dy·y/t of a sample
): void {
  const c = shape.channels;
  const s = shape.plane;
  const size = shape.size;
  const beta = shape.beta;
  const after = size >> 1;
  const plane = (<usize>s) << 2;
  const scale = f32x4.splat(-2 * beta * shape.share);
  const all = c * s;
  for (let n = from; n < to; n++) {
    const sample = <usize>n * <usize>c * plane;
    for (let j = 0; j < all; j += 4) {
      const count = all - j;
      const o = at(sample, j);
      const product = f32x4.mul(loadUpTo(dy + o, count), loadUpTo(y + o, count));
      // Lanes beyond the end are 0/0, and are not stored.
      storeUpTo(at(ratios, j), f32x4.div(product, loadUpTo(t + o, count)), count);
    }
    for (let i = 0; i < c; i++) {
      const first = max(i + after + 1 - size, 0);
      const end = min(i + after + 1, c);
      for (let j = 0; j < s; j += 4) {
        const count = s - j;
        let sum = f32x4.splat(0);
        for (let w = first; w < end; w++) {
          sum = f32x4.add(sum, loadUpTo(at(ratios + <usize>w * plane, j), count));
        }
        const o = at(sample + <usize>i * plane, j);
        const own = f32x4.mul(loadUpTo(dy + o, count), power(loadUpTo(t + o, count), beta));
        const pull = f32x4.mul(f32x4.mul(loadUpTo(x + o, count), scale), sum);
        storeUpTo(dx + o, f32x4.add(own, pull), count);
      }
    }
  }
}
