/** Pooling in float64, written to be read: one window at a time, one tap at a time. */

/** Planes of `height` × `width`; every pair is [vertical, horizontal]. */
export interface PoolShape {
  planes: number;
  size: readonly [number, number];
  outSize: readonly [number, number];
  kernel: readonly [number, number];
  stride: readonly [number, number];
  padding: readonly [number, number];
  dilation: readonly [number, number];
}

/** The taps of each output inside the plane, as indices into the plane. */
function windows({ size, outSize, kernel, stride, padding, dilation }: PoolShape): number[][] {
  const all: number[][] = [];
  for (let oh = 0; oh < outSize[0]; oh++) {
    for (let ow = 0; ow < outSize[1]; ow++) {
      const taps: number[] = [];
      for (let kh = 0; kh < kernel[0]; kh++) {
        for (let kw = 0; kw < kernel[1]; kw++) {
          const h = oh * stride[0] - padding[0] + kh * dilation[0];
          const w = ow * stride[1] - padding[1] + kw * dilation[1];
          if (h >= 0 && h < size[0] && w >= 0 && w < size[1]) taps.push(h * size[1] + w);
        }
      }
      all.push(taps);
    }
  }
  return all;
}

export const maxPool = (x: ArrayLike<number>, shape: PoolShape) => maxima(x, shape, windows(shape));

export const adaptiveMaxPool = (x: ArrayLike<number>, shape: PoolShape) =>
  maxima(
    x,
    shape,
    bins(shape).map(({ taps }) => taps),
  );

function maxima(x: ArrayLike<number>, shape: PoolShape, all: readonly number[][]) {
  const area = shape.size[0] * shape.size[1];
  const y: number[] = [];
  const index: number[] = [];
  for (let plane = 0; plane < shape.planes; plane++) {
    for (const taps of all) {
      let best = -Infinity;
      let where = taps[0] ?? -1;
      for (const tap of taps) {
        const value = x[plane * area + tap]!;
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

export function maxPoolBackward(
  dy: ArrayLike<number>,
  index: ArrayLike<number>,
  shape: PoolShape,
): Float64Array {
  const area = shape.size[0] * shape.size[1];
  const outArea = shape.outSize[0] * shape.outSize[1];
  const dx = new Float64Array(shape.planes * area);
  for (let o = 0; o < dy.length; o++) {
    if (index[o]! >= 0) dx[Math.floor(o / outArea) * area + index[o]!]! += dy[o]!;
  }
  return dx;
}

/** Each output's taps and what their sum is divided by. */
interface Mean {
  taps: number[];
  divisor: number;
}

function averages(shape: PoolShape, countIncludePad: boolean): Mean[] {
  const { size, outSize, kernel, stride, padding } = shape;
  return windows(shape).map((taps, o) => {
    if (!countIncludePad) return { taps, divisor: taps.length };
    const at = [Math.floor(o / outSize[1]), o % outSize[1]];
    const sides = [0, 1].map((d) => {
      const start = at[d]! * stride[d]! - padding[d]!;
      return Math.min(start + kernel[d]!, size[d]! + padding[d]!) - start;
    });
    return { taps, divisor: sides[0]! * sides[1]! };
  });
}

function bins({ size, outSize }: PoolShape): Mean[] {
  const all: Mean[] = [];
  const edge = (o: number, d: 0 | 1) => [
    Math.floor((o * size[d]) / outSize[d]),
    Math.ceil(((o + 1) * size[d]) / outSize[d]),
  ];
  for (let oh = 0; oh < outSize[0]; oh++) {
    for (let ow = 0; ow < outSize[1]; ow++) {
      const taps: number[] = [];
      const [top, bottom] = edge(oh, 0);
      const [left, right] = edge(ow, 1);
      for (let h = top!; h < bottom!; h++) {
        for (let w = left!; w < right!; w++) taps.push(h * size[1] + w);
      }
      all.push({ taps, divisor: taps.length });
    }
  }
  return all;
}

function mean(x: ArrayLike<number>, shape: PoolShape, means: Mean[]): Float64Array {
  const area = shape.size[0] * shape.size[1];
  const y = new Float64Array(shape.planes * means.length);
  for (let plane = 0; plane < shape.planes; plane++) {
    means.forEach(({ taps, divisor }, o) => {
      let sum = 0;
      for (const tap of taps) sum += x[plane * area + tap]!;
      y[plane * means.length + o] = sum / divisor;
    });
  }
  return y;
}

function meanBackward(dy: ArrayLike<number>, shape: PoolShape, means: Mean[]): Float64Array {
  const area = shape.size[0] * shape.size[1];
  const dx = new Float64Array(shape.planes * area);
  for (let plane = 0; plane < shape.planes; plane++) {
    means.forEach(({ taps, divisor }, o) => {
      for (const tap of taps) dx[plane * area + tap]! += dy[plane * means.length + o]! / divisor;
    });
  }
  return dx;
}

export const avgPool = (x: ArrayLike<number>, shape: PoolShape, countIncludePad: boolean) =>
  mean(x, shape, averages(shape, countIncludePad));

export const avgPoolBackward = (
  dy: ArrayLike<number>,
  shape: PoolShape,
  countIncludePad: boolean,
) => meanBackward(dy, shape, averages(shape, countIncludePad));

export const adaptiveAvgPool = (x: ArrayLike<number>, shape: PoolShape) =>
  mean(x, shape, bins(shape));

export const adaptiveAvgPoolBackward = (dy: ArrayLike<number>, shape: PoolShape) =>
  meanBackward(dy, shape, bins(shape));
