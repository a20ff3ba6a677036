import { describe, it } from 'vitest';
import { PoolShape, UnfoldShape } from '../../src/generated/kernels.ts';
import { fold, type Unfolding, unfold } from '../reference/conv3d.ts';
import { maxPool3d } from '../reference/pool3d.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { struct } from '../support/struct.ts';

const usual = { channels: 3, depth: 5, outDepth: 5, kernel: 3, stride: 1, front: 1, dilation: 1 };
const shapes: Unfolding[] = [
  // slices of a lane, and of one more and one less
  ...[1, 3, 4, 5, 15, 16, 17].map((plane) => ({ ...usual, plane })),
  { ...usual, plane: 7, front: 0, outDepth: 3 },
  { ...usual, plane: 7, depth: 8, outDepth: 3, stride: 2, front: 0 },
  // slices that nothing reads
  { ...usual, plane: 5, depth: 9, outDepth: 3, kernel: 2, stride: 4, front: 0 },
  { ...usual, plane: 6, depth: 7, outDepth: 5, dilation: 2 },
  { ...usual, plane: 6, depth: 7, outDepth: 3, dilation: 3, stride: 2, front: 3 },
  // images of padding alone
  { ...usual, plane: 5, depth: 2, outDepth: 10, front: 5 },
  { ...usual, plane: 9, depth: 1, outDepth: 1, kernel: 1, front: 0 },
  // each slice once: a copy
  { ...usual, plane: 9, kernel: 1, front: 0 },
];

describe.each(shapes)('volumes as images: %o', (shape) => {
  const n = 2;
  const random = new TestRandom(shape.plane);
  const images = n * shape.outDepth;
  const middle = Math.ceil(images / 3);
  const floats = shape.channels * shape.kernel * shape.plane;
  const frame = {
    structs: { shape: struct(UnfoldShape, shape) },
    range: { total: shape.channels, step: 1 },
  };
  const x = random.normals(n * shape.channels * shape.depth * shape.plane);

  it('are unfolded', () => {
    kernelCase({
      ...frame,
      inputs: { x },
      outputs: { images: { expected: unfold(shape, n, x) } },
      call: (k, { images: to, x, shape }, from, end) => {
        k.unfoldDepth(to, x, shape, 0, middle, from, end);
        const rest = ((to as number) + 4 * middle * floats) as typeof to;
        k.unfoldDepth(rest, x, shape, middle, images, from, end);
      },
    });
  });

  it('are folded', () => {
    const dy = random.normals(images * floats);
    kernelCase({
      ...frame,
      inputs: { dy },
      outputs: { dx: { expected: fold(shape, n, dy), rtol: 1e-6, scaled: 1e-6 } },
      call: (k, { dx, dy, shape }, from, end) => {
        k.foldDepth(dx, dy, shape, 0, middle, from, end);
        const rest = ((dy as number) + 4 * middle * floats) as typeof dy;
        k.foldDepth(dx, rest, shape, middle, images, from, end);
      },
    });
  });
});

describe('maxima along the depth', () => {
  interface Along {
    w: number;
    h: number;
    outH: number;
    kernel: number;
    stride: number;
    top: number;
    dilation?: number;
  }
  const pools: Along[] = [
    ...[1, 3, 4, 5, 15, 16, 17].map((w) => ({ w, h: 6, outH: 3, kernel: 2, stride: 2, top: 0 })),
    { w: 5, h: 7, outH: 7, kernel: 3, stride: 1, top: 1 },
    { w: 6, h: 5, outH: 1, kernel: 3, stride: 2, top: 0, dilation: 2 },
    // windows of padding alone
    { w: 6, h: 2, outH: 1, kernel: 2, stride: 1, top: 1, dilation: 4 },
  ];
  for (const { w, h, outH, kernel, stride, top, dilation = 1 } of pools) {
    for (const recording of [true, false]) {
      it(`of ${h} slices of ${w} maxima, ${recording ? 'and where they are' : 'alone'}`, () => {
        const random = new TestRandom(w);
        const volumes = 3;
        const plane = 20;
        // Few distinct values, so that ties are common.
        const x = Float32Array.from({ length: volumes * h * w }, () => {
          const draw = random.integer(30);
          return draw === 0 ? NaN : draw === 1 ? -Infinity : draw === 2 ? Infinity : draw % 4;
        });
        const missing = (i: number) => x[i] === -Infinity && i % 2 === 0;
        const xIndex = Int32Array.from(x, (_, i) => (missing(i) ? -1 : random.integer(plane)));
        const along = maxPool3d(x, {
          ...{ volumes, size: [h, 1, w], outSize: [outH, 1, w], kernel: [kernel, 1, 1] },
          ...{ stride: [stride, 1, 1], padding: [top, 0, 0], dilation: [dilation, 1, 1] },
        });
        // `along` says where among [h, w]; the slice's own index says where among [h, plane].
        const index = along.index.map((i, o) => {
          if (i < 0) return -1;
          const own = xIndex[Math.floor(o / (outH * w)) * h * w + i]!;
          return own < 0 ? -1 : Math.floor(i / w) * plane + own;
        });
        const sizes = { w, h, outH, outW: w, kernelW: 1, strideW: 1, left: 0, dilationW: 1 };
        const steps = { kernelH: kernel, strideH: stride, top, dilationH: dilation };
        kernelCase({
          structs: { shape: struct(PoolShape, { ...sizes, ...steps, countIncludePad: 0 }) },
          range: { total: volumes, step: 1 },
          inputs: { x, xIndex: recording ? xIndex : undefined },
          outputs: {
            y: { expected: along.y },
            index: recording ? { type: 'i32', expected: index } : undefined,
          },
          call: (k, { y, index, x, xIndex, shape }, from, to) =>
            k.maxPoolDepthForward(y, index, x, xIndex, plane, shape, from, to),
        });
      });
    }
  }
});
