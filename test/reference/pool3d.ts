/** Pooling of volumes in float64, written to be read: one window at a time, one tap at a time. */
import { forEachPosition, type Triple, volumeOf } from './conv3d.ts';

export interface Pool3dShape {
  volumes: number;
  size: Triple;
  outSize: Triple;
  kernel: Triple;
  stride: Triple;
  padding: Triple;
  dilation: Triple;
}

const AXES = [0, 1, 2] as const;

/** The taps of each output inside the volume, as indices into the volume, by depth, row and column. */
function windows({ size, outSize, kernel, stride, padding, dilation }: Pool3dShape): number[][] {
  const all: number[][] = [];
  forEachPosition(outSize, (at) => {
    const taps: number[] = [];
    forEachPosition(kernel, (tap) => {
      const place = AXES.map((a) => at[a] * stride[a] - padding[a] + tap[a] * dilation[a]);
      if (AXES.every((a) => place[a]! >= 0 && place[a]! < size[a]))
        taps.push((place[0]! * size[1] + place[1]!) * size[2] + place[2]!);
    });
    all.push(taps);
  });
  return all;
}

export function maxPool3d(x: ArrayLike<number>, shape: Pool3dShape) {
  const y: number[] = [];
  const index: number[] = [];
  for (let volume = 0; volume < shape.volumes; volume++) {
    for (const taps of windows(shape)) {
      let best = -Infinity;
      let where = taps[0] ?? -1;
      for (const tap of taps) {
        const value = x[volume * volumeOf(shape.size) + tap]!;
        if (value > best || Number.isNaN(value)) {
          best = value;
          where = tap;
        }
      }
      y.push(best);
      index.push(where);
    }
  }
  return { y, index };
}

export function maxPool3dBackward(
  dy: ArrayLike<number>,
  index: ArrayLike<number>,
  { volumes, size, outSize }: Pool3dShape,
): Float64Array {
  const dx = new Float64Array(volumes * volumeOf(size));
  for (let o = 0; o < dy.length; o++) {
    const volume = Math.floor(o / volumeOf(outSize));
    if (index[o]! >= 0) dx[volume * volumeOf(size) + index[o]!]! += dy[o]!;
  }
  return dx;
}

/** The number that each window's sum is divided by. */
function divisors(shape: Pool3dShape, countIncludePad: boolean): number[] {
  if (!countIncludePad) return windows(shape).map((taps) => taps.length);
  const { size, outSize, kernel, stride, padding } = shape;
  const all: number[] = [];
  forEachPosition(outSize, (at) => {
    const sides = AXES.map((a) => {
      const start = at[a] * stride[a] - padding[a];
      return Math.min(start + kernel[a], size[a] + padding[a]) - start;
    });
    all.push(sides[0]! * sides[1]! * sides[2]!);
  });
  return all;
}

export function avgPool3d(x: ArrayLike<number>, shape: Pool3dShape, countIncludePad: boolean) {
  const divisor = divisors(shape, countIncludePad);
  const y: number[] = [];
  for (let volume = 0; volume < shape.volumes; volume++) {
    windows(shape).forEach((taps, o) => {
      const sum = taps.reduce((all, tap) => all + x[volume * volumeOf(shape.size) + tap]!, 0);
      y.push(sum / divisor[o]!);
    });
  }
  return y;
}

export function avgPool3dBackward(
  dy: ArrayLike<number>,
  shape: Pool3dShape,
  countIncludePad: boolean,
): Float64Array {
  const divisor = divisors(shape, countIncludePad);
  const dx = new Float64Array(shape.volumes * volumeOf(shape.size));
  for (let volume = 0; volume < shape.volumes; volume++) {
    windows(shape).forEach((taps, o) => {
      const share = dy[volume * divisor.length + o]! / divisor[o]!;
      for (const tap of taps) dx[volume * volumeOf(shape.size) + tap]! += share;
    });
  }
  return dx;
}
