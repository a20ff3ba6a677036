import { describe, expect, it } from 'vitest';
import { Upsample } from '../src/index.ts';
import { type UpsampleShape, upsample, upsampleBackward } from './reference/upsample.ts';
import { expectClose } from './support/close.ts';
import { readGoldens } from './support/goldens.ts';
import { Arena } from './support/kernels.ts';
import { TestRandom } from './support/random.ts';

const area = ([height, width]: readonly [number, number]) => height * width;
// An output mixes four inputs; λ itself is a float32 near o·scale.
const MIXED = { rtol: 1e-5, scaled: 2e-6 };

/** Both directions of the kernels, on planes cut into two ranges. */
function run(shape: UpsampleShape, values: ArrayLike<number>, dy: ArrayLike<number>) {
  const arena = new Arena();
  const { kernels } = arena;
  const x = arena.f32(values);
  const upstream = arena.f32(dy);
  const y = arena.f32(dy.length);
  const dx = arena.f32(new Float32Array(values.length).fill(7e7)); // overwritten
  const sizes = [...shape.size, ...shape.outSize, ...shape.scale] as const;
  const corners = Number(shape.alignCorners);
  const { mode, size, outSize, planes } = shape;
  const scratch = arena.f32(mode === 'nearest' ? outSize[1] : 2 * outSize[1] + size[1]).ptr;
  const [a, b, c, d, e, f] = sizes;
  for (const [from, to] of [
    [planes >> 1, planes],
    [0, planes >> 1],
  ] as const) {
    if (mode === 'nearest') {
      kernels.upsampleNearestForward(y.ptr, x.ptr, a, b, c, d, e, f, from, to, scratch);
      kernels.upsampleNearestBackward(dx.ptr, upstream.ptr, a, b, c, d, e, f, from, to, scratch);
    } else {
      kernels.upsampleBilinearForward(y.ptr, x.ptr, a, b, c, d, e, f, corners, from, to, scratch);
      kernels.upsampleBilinearBackward(
        dx.ptr,
        upstream.ptr,
        ...[a, b, c, d, e, f],
        corners,
        from,
        to,
        scratch,
      );
    }
  }
  arena.checkCanaries();
  return { y: y.f32, dx: dx.f32 };
}

/** PyTorch's scale: 1 / the factor where one is given, else the quotient of sizes; a float32. */
function scaleOf(size: number, out: number, factor: number | undefined, alignCorners: boolean) {
  if (alignCorners) return out > 1 ? Math.fround((size - 1) / (out - 1)) : 0;
  return Math.fround(factor === undefined ? size / out : 1 / factor);
}

describe('upsampling', () => {
  for (const mode of ['nearest', 'bilinear'] as const) {
    for (const width of [1, 2, 3, 4, 5, 7, 8, 9, 16, 17]) {
      for (const outWidth of [1, width, 2 * width, 3 * width, width + 5]) {
        const alignCorners = mode === 'bilinear' && outWidth % 2 === 1;
        it(`${mode} 3 × ${width} → 5 × ${outWidth}, corners aligned: ${alignCorners}`, () => {
          const random = new TestRandom(width * 100 + outWidth);
          const shape: UpsampleShape = {
            planes: 3,
            size: [3, width],
            outSize: [5, outWidth],
            scale: [
              scaleOf(3, 5, undefined, alignCorners),
              scaleOf(width, outWidth, undefined, alignCorners),
            ],
            mode,
            alignCorners,
          };
          const values = random.normals(3 * area(shape.size));
          const dy = random.normals(3 * area(shape.outSize));
          const actual = run(shape, values, dy);
          expectClose(actual.y, upsample(values, shape), MIXED, 'y');
          expectClose(actual.dx, upsampleBackward(dy, shape), MIXED, 'dx');
        });
      }
    }
  }

  it('has a reference whose backward is the transpose of its forward', () => {
    const random = new TestRandom(8);
    for (const mode of ['nearest', 'bilinear'] as const) {
      const shape: UpsampleShape = {
        planes: 1,
        size: [3, 4],
        outSize: [5, 7],
        scale: [Math.fround(3 / 5), Math.fround(4 / 7)],
        mode,
        alignCorners: false,
      };
      const dy = random.normals(35);
      // y is linear in x, so a difference with any step is its derivative.
      const columns = Array.from({ length: 12 }, (_, i) => {
        const unit = new Float64Array(12);
        unit[i] = 1;
        return upsample(unit, shape).reduce((sum, y, o) => sum + y * dy[o]!, 0);
      });
      expectClose(upsampleBackward(dy, shape), columns, { scaled: 1e-12 });
    }
  });
});

describe("PyTorch's answers", () => {
  readGoldens('upsample').forEach(({ options, x, y, dy, dx }, at) => {
    it(`${at}: ${x.shape} → ${y.shape}, ${JSON.stringify(options)}`, () => {
      const spatial = (shape: number[]) => [1, ...shape.slice(2)].slice(-2) as [number, number];
      const size = spatial(x.shape);
      const outSize = spatial(y.shape);
      const alignCorners = options.align_corners ?? false;
      const factors = [1, ...[options.scale_factor].flat()];
      const factor = (d: 0 | 1) =>
        options.scale_factor === undefined
          ? undefined
          : x.shape.length === 3
            ? factors[d]
            : (factors[1 + d] ?? factors[1]);
      const shape: UpsampleShape = {
        planes: x.shape[0] * x.shape[1],
        size,
        outSize,
        scale: [
          scaleOf(size[0], outSize[0], factor(0), alignCorners),
          scaleOf(size[1], outSize[1], factor(1), alignCorners),
        ],
        mode: options.mode === 'nearest' ? 'nearest' : 'bilinear',
        alignCorners,
      };
      const actual = run(shape, x.data, dy.data);
      expectClose(actual.y, y.data, MIXED, 'y');
      expectClose(actual.dx, dx.data, MIXED, 'dx');
    });
  });
});

describe('Upsample', () => {
  readGoldens('upsample').forEach(({ options, x, y, dy, dx }, at) => {
    it(`agrees with PyTorch's case ${at}`, () => {
      const layer = new Upsample({
        scaleFactor: options.scale_factor,
        size: options.size,
        mode: options.mode,
        alignCorners: options.align_corners,
      });
      expectClose(layer.predict(x).toArray(), y.data, MIXED, 'predict');
      const actual = layer.forward(x);
      expect(actual.shape).toEqual(y.shape);
      expectClose(actual.toArray(), y.data, MIXED, 'y');
      expectClose(layer.backward(dy).toArray(), dx.data, MIXED, 'dx');
    });
  });

  it('names what is wrong', () => {
    const fails = (what: () => unknown, message: string) => {
      expect(what).toThrow(message);
      expect(what).toThrow(RangeError);
    };
    const image = { data: new Float32Array(4), shape: [1, 1, 2, 2] };
    fails(() => new Upsample({}), 'Upsample: give scaleFactor or size, and not both');
    fails(() => new Upsample({ scaleFactor: 2, size: 3 }), 'give scaleFactor or size');
    fails(() => new Upsample({ scaleFactor: 0 }), 'Upsample: scaleFactor expected a number from');
    fails(() => new Upsample({ scaleFactor: 2, mode: 'cubic' as never }), 'got cubic');
    fails(() => new Upsample({ size: 4, alignCorners: true }), "expected with mode 'linear'");
    fails(
      () => new Upsample({ scaleFactor: 2, mode: 'linear' }).forward(image),
      'Upsample(scaleFactor=2, linear): input expected [N, C, L], got [1, 1, 2, 2]',
    );
    fails(() => new Upsample({ scaleFactor: 0.4 }).forward(image), 'would be empty, 0 × 0');
    fails(() => new Upsample({ scaleFactor: [1, 2, 3] }).forward(image), 'one for each of 2 axes');
    fails(() => new Upsample({ size: [4, 0] }).forward(image), 'size expected a whole number ≥ 1');
  });
});
