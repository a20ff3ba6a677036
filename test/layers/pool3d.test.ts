import { describe, expect, it } from 'vitest';
import { AvgPool3d, MaxPool3d, type Module, Tensor } from '../../src/index.ts';
import { type Triple, volumeOf } from '../reference/conv3d.ts';
import {
  avgPool3d,
  avgPool3dBackward,
  maxPool3d,
  maxPool3dBackward,
  type Pool3dShape,
} from '../reference/pool3d.ts';
import { expectClose } from '../support/close.ts';
import { expectGradient } from '../support/gradient.ts';
import { TestRandom } from '../support/random.ts';

interface Geometry {
  size: Triple;
  kernel: number | Triple;
  stride?: number | Triple;
  padding?: number | Triple;
  dilation?: number | Triple;
  ceilMode?: boolean;
}

const triple = (value: number | Triple): Triple =>
  typeof value === 'number' ? [value, value, value] : value;

/** PyTorch's output size: with `ceilMode` the last window must start in the volume or the pad before it. */
function shapeOf(
  volumes: number,
  { size, kernel: k, ceilMode = false, ...given }: Geometry,
): Pool3dShape {
  const kernel = triple(k);
  const stride = triple(given.stride ?? kernel);
  const padding = triple(given.padding ?? 0);
  const dilation = triple(given.dilation ?? 1);
  const outSize = size.map((extent, d) => {
    const room = extent + 2 * padding[d]! - dilation[d]! * (kernel[d]! - 1) - 1;
    const out = Math[ceilMode ? 'ceil' : 'floor'](room / stride[d]!) + 1;
    return ceilMode && (out - 1) * stride[d]! >= extent + padding[d]! ? out - 1 : out;
  }) as unknown as Triple;
  return { volumes, size, outSize, kernel, stride, padding, dilation };
}

const text = (geometry: Geometry) => JSON.stringify(geometry).replaceAll('"', '');

const geometries: Geometry[] = [
  ...[7, 8, 9, 15, 16, 17].map((width) => ({ size: [4, 5, width] as Triple, kernel: 2 })),
  { size: [5, 7, 9], kernel: 2, ceilMode: true },
  ...[1, 2, 3].map((stride) => ({ size: [7, 6, 9] as Triple, kernel: 3, stride, padding: 1 })),
  { size: [6, 7, 8], kernel: 3, stride: 2, padding: 1, ceilMode: true },
  { size: [7, 5, 9], kernel: [3, 2, 5], stride: [2, 1, 3], padding: [1, 0, 2] },
  { size: [3, 6, 7], kernel: [1, 2, 2] },
  { size: [6, 3, 5], kernel: [3, 1, 1], stride: [2, 1, 1], padding: [1, 0, 0] },
  { size: [1, 1, 1], kernel: 1 },
  { size: [2, 2, 2], kernel: 3, stride: 1, padding: 1 },
  { size: [4, 30, 41], kernel: 2 }, // with 60 volumes more than are pooled together
];

/** Both directions of a layer. */
function check(
  layer: Module,
  s: Pool3dShape,
  x: Float32Array,
  dy: Float32Array,
  y: ArrayLike<number>,
  dx: Float64Array,
) {
  const shape = [1, s.volumes, ...s.size];
  const output = layer.forward({ data: x, shape });
  expect(output.shape).toEqual([1, s.volumes, ...s.outSize]);
  expectClose(output.toArray(), y, { rtol: 1e-6, scaled: 1e-6 }, 'y');
  expect(layer.predict({ data: x, shape }).toArray()).toEqual(output.toArray());
  const found = layer.backward({ data: dy, shape: output.shape }).toArray();
  expectClose(found, dx, { rtol: 1e-6, scaled: 1e-6 }, 'dx');
  layer.dispose();
}

const volumesOf = ({ size }: Geometry) => (volumeOf(size) > 1000 ? 60 : 3);

describe('MaxPool3d', () => {
  const dilated: Geometry[] = [
    { size: [8, 9, 7], kernel: 3, stride: 1, padding: 1, dilation: 2 },
    { size: [8, 9, 12], kernel: [2, 3, 2], stride: 2, dilation: [3, 2, 4] },
    // windows whose taps all fall outside
    { size: [4, 4, 4], kernel: 2, stride: 1, padding: 1, dilation: 5 },
    { size: [4, 6, 6], kernel: [2, 3, 3], stride: 1, padding: 1, dilation: [5, 2, 2] },
  ];
  for (const geometry of [...geometries, ...dilated]) {
    it(`agrees with the reference: ${text(geometry)}`, () => {
      const random = new TestRandom(geometry.size[2]);
      const s = shapeOf(volumesOf(geometry), geometry);
      // Few distinct values, so that ties are common, and now and then a NaN or an infinity.
      const x = Float32Array.from({ length: s.volumes * volumeOf(s.size) }, () => {
        const draw = random.integer(40);
        return draw === 0 ? NaN : draw === 1 ? -Infinity : draw === 2 ? Infinity : draw % 6;
      });
      const dy = random.normals(s.volumes * volumeOf(s.outSize));
      const { y, index } = maxPool3d(x, s);
      const { kernel, size: _, ...options } = geometry;
      check(new MaxPool3d(kernel, options), s, x, dy, y, maxPool3dBackward(dy, index, s));
    });
  }

  it('gives the gradient of equal maxima to the first by depth, then row, then column', () => {
    using layer = new MaxPool3d(2);
    const first = (at: number) => {
      // All equal from the position `at` on.
      const data = Float32Array.from({ length: 8 }, (_, i) => (i >= at ? 1 : 0));
      layer.forward({ data, shape: [1, 1, 2, 2, 2] });
      return [...layer.backward(Tensor.from([1], [1, 1, 1, 1, 1])).toArray()].indexOf(1);
    };
    expect([0, 1, 2, 3, 4, 5, 6, 7].map(first)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('says what is wrong', () => {
    expect(() => new MaxPool3d(0)).toThrow(RangeError);
    expect(() => new MaxPool3d([2, 2] as never)).toThrow(
      new RangeError('MaxPool3d: kernelSize expected a number or a triple, got [2, 2]'),
    );
    expect(() => new MaxPool3d(2, { padding: [1, 2, 1] })).toThrow(
      new RangeError('MaxPool3d: padding expected at most half the kernel (2), got [1, 2, 1]'),
    );
    using layer = new MaxPool3d([2, 3, 3], { stride: 2, padding: [0, 1, 1], ceilMode: true });
    expect(`${layer}`).toBe('MaxPool3d([2, 3, 3], stride=2, padding=[0, 1, 1], ceilMode=true)');
    expect(() => layer.forward(Tensor.zeros([1, 2, 4, 4]))).toThrow(
      new RangeError(`${layer}: input expected [N, C, D, H, W], got [1, 2, 4, 4]`),
    );
    expect(() => layer.forward(Tensor.zeros([1, 2, 1, 1, 0]))).toThrow(RangeError);
    using small = new MaxPool3d(3);
    expect(() => small.forward(Tensor.zeros([1, 1, 2, 4, 4]))).toThrow(
      new RangeError('MaxPool3d(3): kernel expected to fit the padded input, 2×4×4, got 3×3×3'),
    );
  });
});

describe('AvgPool3d', () => {
  for (const geometry of geometries) {
    for (const countIncludePad of [true, false]) {
      it(`agrees with the reference: ${text(geometry)}, ${countIncludePad}`, () => {
        const random = new TestRandom(geometry.size[2]);
        const s = shapeOf(volumesOf(geometry), geometry);
        const x = random.normals(s.volumes * volumeOf(s.size));
        const dy = random.normals(s.volumes * volumeOf(s.outSize));
        const { kernel, size: _, ...options } = geometry;
        const layer = new AvgPool3d(kernel, { ...options, countIncludePad });
        const dx = avgPool3dBackward(dy, s, countIncludePad);
        check(layer, s, x, dy, avgPool3d(x, s, countIncludePad), dx);
      });
    }
  }

  it('passes NaN and infinity on, to their windows alone', () => {
    const s = shapeOf(1, { size: [2, 2, 8], kernel: 2 });
    const x = new TestRandom(1).normals(32);
    x[3] = NaN;
    x[24] = Infinity;
    const dy = new TestRandom(2).normals(4);
    check(new AvgPool3d(2), s, x, dy, avgPool3d(x, s, true), avgPool3dBackward(dy, s, true));
  });

  it('says what it is', () => {
    using layer = new AvgPool3d(3, { stride: 1, padding: 1, countIncludePad: false });
    expect(`${layer}`).toBe('AvgPool3d(3, stride=1, padding=1, countIncludePad=false)');
    expect(() => layer.forward(Tensor.zeros([3, 4, 4, 4]))).toThrow(RangeError);
  });
});

describe('the references themselves', () => {
  it('have the gradients that finite differences find', () => {
    const random = new TestRandom(3);
    const s = shapeOf(2, { size: [4, 5, 6], kernel: 3, stride: 2, padding: 1, ceilMode: true });
    const x = random.normals(240);
    const dy = random.normals(2 * volumeOf(s.outSize));
    const near = { scaled: 1e-8 };
    const gradient = maxPool3dBackward(dy, maxPool3d(x, s).index, s);
    expectGradient({ gradient, at: x, of: (x) => maxPool3d(x, s).y, dy, ...near });
    for (const pad of [true, false]) {
      const gradient = avgPool3dBackward(dy, s, pad);
      expectGradient({ gradient, at: x, of: (x) => avgPool3d(x, s, pad), dy, ...near });
    }
  });
});
