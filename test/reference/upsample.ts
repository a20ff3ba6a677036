/** Upsampling in float64: each output as a weighted sum of inputs, and its transpose. */

export interface UpsampleShape {
  planes: number;
  size: readonly [number, number];
  outSize: readonly [number, number];
  /** Input size over output size in each direction, a float32. */
  scale: readonly [number, number];
  mode: 'nearest' | 'bilinear';
  alignCorners: boolean;
}

/** The inputs that output o of one direction mixes, with their weights. */
function sources(o: number, d: 0 | 1, shape: UpsampleShape): [index: number, weight: number][] {
  const size = shape.size[d];
  const scale = shape.scale[d];
  if (shape.mode === 'nearest')
    return [[Math.min(Math.floor(Math.fround(o * scale)), size - 1), 1]];
  const place = shape.alignCorners ? o * scale : Math.max(0, (o + 0.5) * scale - 0.5);
  const first = Math.min(Math.floor(place), size - 1);
  const lambda = place - first;
  return [
    [first, 1 - lambda],
    [Math.min(first + 1, size - 1), lambda],
  ];
}

function visit(shape: UpsampleShape, mix: (o: number, i: number, weight: number) => void): void {
  const [height, width] = shape.size;
  const [outHeight, outWidth] = shape.outSize;
  for (let plane = 0; plane < shape.planes; plane++) {
    for (let oh = 0; oh < outHeight; oh++) {
      for (let ow = 0; ow < outWidth; ow++) {
        for (const [h, a] of sources(oh, 0, shape)) {
          for (const [w, b] of sources(ow, 1, shape)) {
            mix((plane * outHeight + oh) * outWidth + ow, (plane * height + h) * width + w, a * b);
          }
        }
      }
    }
  }
}

export function upsample(x: ArrayLike<number>, shape: UpsampleShape): Float64Array {
  const y = new Float64Array(shape.planes * shape.outSize[0] * shape.outSize[1]);
  visit(shape, (o, i, weight) => {
    y[o]! += weight * x[i]!;
  });
  return y;
}

export function upsampleBackward(dy: ArrayLike<number>, shape: UpsampleShape): Float64Array {
  const dx = new Float64Array(shape.planes * shape.size[0] * shape.size[1]);
  visit(shape, (o, i, weight) => {
    dx[i]! += weight * dy[o]!;
  });
  return dx;
}
