import { describe, expect, it } from 'vitest';
import { type Kernels, type Pointer, UpsampleShape as Sizes } from '../../src/generated/kernels.ts';
import { Upsample } from '../../src/index.ts';
import { type UpsampleShape, upsample, upsampleBackward } from '../reference/upsample.ts';
import { expectClose } from '../support/close.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { struct } from '../support/struct.ts';

const area = ([height, width]: readonly [number, number]) => height * width;
// An output mixes four inputs; λ itself is a float32 near o·scale.
const MIXED = { rtol: 1e-5, scaled: 2e-6 };

/** Both directions of the kernels. */
function check(
  { mode, size, outSize, scale, alignCorners, planes }: UpsampleShape,
  x: Float32Array,
  dy: Float32Array,
  expected: { y: ArrayLike<number>; dx: ArrayLike<number> },
): void {
  const nearest = mode === 'nearest';
  const frame = {
    structs: {
      shape: struct(Sizes, {
        h: size[0],
        w: size[1],
        outH: outSize[0],
        outW: outSize[1],
        scaleH: scale[0],
        scaleW: scale[1],
        alignCorners: Number(alignCorners),
      }),
    },
    range: { total: planes, step: 1 },
  };
  const scratch = {
    scratch: (k: Kernels, { shape }: { shape: Pointer<never> }) =>
      nearest ? k.upsampleNearestScratch(shape) : k.upsampleBilinearScratch(shape),
  };
  kernelCase({
    ...frame,
    inputs: { x },
    outputs: { y: { expected: expected.y, ...MIXED } },
    scratch,
    call: (k, { y, x, shape, scratch }, from, to) =>
      (nearest ? k.upsampleNearestForward : k.upsampleBilinearForward)(
        ...([y, x, shape, from, to, scratch] as const),
      ),
  });
  kernelCase({
    ...frame,
    inputs: { dy },
    outputs: { dx: { expected: expected.dx, ...MIXED } },
    scratch,
    call: (k, { dx, dy, shape, scratch }, from, to) =>
      (nearest ? k.upsampleNearestBackward : k.upsampleBilinearBackward)(
        ...([dx, dy, shape, from, to, scratch] as const),
      ),
  });
}

/** PyTorch's scale where a size is given, a float32. */
function scaleOf(size: number, out: number, alignCorners: boolean) {
  if (alignCorners) return out > 1 ? Math.fround((size - 1) / (out - 1)) : 0;
  return Math.fround(size / out);
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
            scale: [scaleOf(3, 5, alignCorners), scaleOf(width, outWidth, alignCorners)],
            mode,
            alignCorners,
          };
          const values = random.normals(3 * area(shape.size));
          const dy = random.normals(3 * area(shape.outSize));
          const [y, dx] = [upsample(values, shape), upsampleBackward(dy, shape)];
          check(shape, values, dy, { y, dx });
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

describe('Upsample', () => {
  it('names what is wrong', () => {
    const fails = (what: () => unknown, message: string) => {
      expect(what).toThrow(message);
      expect(what).toThrow(RangeError);
    };
    const image = { data: new Float32Array(4), shape: [1, 1, 2, 2] };
    fails(() => new Upsample({}), 'Upsample: either scaleFactor or size expected, got neither');
    fails(
      () => new Upsample({ scaleFactor: 2, size: 3 }),
      'scaleFactor or size expected, got both',
    );
    fails(() => new Upsample({ scaleFactor: 0 }), 'Upsample: scaleFactor expected a number from');
    expect(() => new Upsample({ scaleFactor: 2, mode: 'cubic' as never })).toThrow(
      "mode expected 'nearest' or 'linear' or 'bilinear', got the string cubic",
    );
    fails(() => new Upsample({ size: 4, alignCorners: true }), "expected with mode 'linear'");
    fails(
      () => new Upsample({ scaleFactor: 2, mode: 'linear' }).forward(image),
      'Upsample(scaleFactor=2, linear): input expected [N, C, L], got [1, 1, 2, 2]',
    );
    fails(
      () => new Upsample({ scaleFactor: 0.4 }).forward(image),
      'output expected to be at least 1×1, got 0×0',
    );
    fails(() => new Upsample({ scaleFactor: [1, 2, 3] }).forward(image), 'one for each of 2 axes');
    fails(() => new Upsample({ size: [4, 0] }).forward(image), 'size expected a whole number ≥ 1');
  });
});
