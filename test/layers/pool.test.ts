import { describe, expect, it } from 'vitest';
import { PoolShape as Sizes } from '../../src/generated/kernels.ts';
import {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AvgPool1d,
  AvgPool2d,
  GlobalAvgPool,
  MaxPool1d,
  MaxPool2d,
  type Module,
  Sequential,
  type Tensor,
} from '../../src/index.ts';
import {
  adaptiveAvgPool,
  adaptiveAvgPoolBackward,
  adaptiveMaxPool,
  avgPool,
  avgPoolBackward,
  maxPool,
  maxPoolBackward,
  type PoolShape,
} from '../reference/pool.ts';
import { expectClose } from '../support/close.ts';
import { readGoldens } from '../support/goldens.ts';
import { kernelCase } from '../support/kernelcase.ts';
import { TestRandom } from '../support/random.ts';
import { struct } from '../support/struct.ts';

type Pair = readonly [number, number];
const pair = (value: number | Pair): Pair => (typeof value === 'number' ? [value, value] : value);

interface Geometry {
  size: Pair;
  kernel: number | Pair;
  stride?: number | Pair;
  padding?: number | Pair;
  dilation?: number | Pair;
  ceilMode?: boolean;
}

/** PyTorch's output size: with `ceilMode` the last window must start in the plane or its left pad. */
function poolShape(planes: number, geometry: Geometry): PoolShape {
  const { size, ceilMode = false } = geometry;
  const kernel = pair(geometry.kernel);
  const stride = pair(geometry.stride ?? kernel);
  const padding = pair(geometry.padding ?? 0);
  const dilation = pair(geometry.dilation ?? 1);
  const extent = (d: 0 | 1) => {
    const room = size[d] + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1;
    const out = Math[ceilMode ? 'ceil' : 'floor'](room / stride[d]) + 1;
    return ceilMode && (out - 1) * stride[d] >= size[d] + padding[d] ? out - 1 : out;
  };
  return { planes, size, outSize: [extent(0), extent(1)], kernel, stride, padding, dilation };
}

const areaOf = ([height, width]: Pair) => height * width;

// Sums of a window have a few terms; a mean's error is a few roundings of its terms.
const SUM = { rtol: 1e-6, scaled: 1e-6 };

/** The struct that the kernels take. */
function sizesOf(
  { size, outSize, kernel, stride, padding, dilation }: PoolShape,
  countIncludePad = true,
) {
  return struct(Sizes, {
    ...{ h: size[0], w: size[1], outH: outSize[0], outW: outSize[1] },
    ...{ kernelH: kernel[0], kernelW: kernel[1] },
    ...{ strideH: stride[0], strideW: stride[1] },
    ...{ top: padding[0], left: padding[1] },
    ...{ dilationH: dilation[0], dilationW: dilation[1] },
    countIncludePad: Number(countIncludePad),
  });
}

interface Answers {
  y: ArrayLike<number>;
  dx: ArrayLike<number>;
}

// Each runs both directions of a pair of kernels, whole and in ranges of planes.

function checkMax(
  shape: PoolShape,
  x: Float32Array,
  dy: Float32Array,
  { y, dx, index }: Answers & { index: ArrayLike<number> },
): void {
  const frame = {
    structs: { shape: sizesOf(shape) },
    range: { total: shape.planes, step: 1 },
  };
  const where = { type: 'i32', expected: index } as const;
  for (const recorded of [where, undefined]) {
    kernelCase({
      ...frame,
      inputs: { x },
      outputs: { y: { expected: y }, index: recorded },
      call: (k, { y, index, x, shape }, from, to) => k.maxPoolForward(y, index, x, shape, from, to),
    });
  }
  kernelCase({
    ...frame,
    inputs: { index: Int32Array.from(index), dy },
    outputs: { dx: { expected: dx, ...SUM } },
    call: (k, { dx, index, dy, shape }, from, to) =>
      k.maxPoolBackward(dx, index, dy, shape, from, to),
  });
}

function checkAverage(
  shape: PoolShape,
  x: Float32Array,
  dy: Float32Array,
  countIncludePad: boolean,
  { y, dx }: Answers,
): void {
  const frame = {
    structs: { shape: sizesOf(shape, countIncludePad) },
    range: { total: shape.planes, step: 1 },
  };
  kernelCase({
    ...frame,
    inputs: { x },
    outputs: { y: { expected: y, ...SUM } },
    call: (k, { y, x, shape }, from, to) => k.avgPoolForward(y, x, shape, from, to),
  });
  kernelCase({
    ...frame,
    inputs: { dy },
    outputs: { dx: { expected: dx, ...SUM } },
    scratch: { scratch: (k, { shape }) => k.avgPoolBackwardScratch(shape) },
    call: (k, { dx, dy, shape, scratch }, from, to) =>
      k.avgPoolBackward(dx, dy, shape, from, to, scratch),
  });
}

function checkAdaptive(
  shape: PoolShape,
  x: Float32Array,
  dy: Float32Array,
  { y, dx }: Answers = {
    y: adaptiveAvgPool(x, shape),
    dx: adaptiveAvgPoolBackward(dy, shape),
  },
): void {
  const frame = {
    structs: { shape: sizesOf(shape) },
    range: { total: shape.planes, step: 1 },
  };
  kernelCase({
    ...frame,
    inputs: { x },
    outputs: { y: { expected: y, ...SUM } },
    call: (k, { y, x, shape }, from, to) => k.adaptiveAvgPoolForward(y, x, shape, from, to),
  });
  kernelCase({
    ...frame,
    inputs: { dy },
    outputs: { dx: { expected: dx, ...SUM } },
    call: (k, { dx, dy, shape }, from, to) => k.adaptiveAvgPoolBackward(dx, dy, shape, from, to),
  });
}

function checkGlobal(shape: PoolShape, x: Float32Array, dy: Float32Array): void {
  const size = areaOf(shape.size);
  const range = { total: shape.planes, step: 1 };
  kernelCase({
    range,
    inputs: { x },
    outputs: { y: { expected: adaptiveAvgPool(x, shape), ...SUM } },
    call: (k, { y, x }, from, to) => k.globalAvgPoolForward(y, x, size, from, to),
  });
  kernelCase({
    range,
    inputs: { dy },
    outputs: { dx: { expected: adaptiveAvgPoolBackward(dy, shape), ...SUM } },
    call: (k, { dx, dy }, from, to) => k.globalAvgPoolBackward(dx, dy, size, from, to),
  });
}

const geometries: Geometry[] = [
  // 2×2 blocks with rows below, at and above a vector, and left-over rows and columns
  ...[6, 7, 8, 9, 10, 11, 16, 17, 30, 34].map((width) => ({ size: [7, width] as Pair, kernel: 2 })),
  { size: [4, 9], kernel: 2, ceilMode: true },
  // overlapping windows in each stride and padding
  ...[1, 2, 3].flatMap((stride) =>
    [3, 6, 12, 19].map((width) => ({
      size: [9, width] as Pair,
      kernel: 3,
      stride,
      padding: 1,
      ceilMode: width === 19,
    })),
  ),
  { size: [1, 33], kernel: [1, 4], stride: [1, 2], padding: [0, 2] },
  { size: [1, 1], kernel: 1 },
  { size: [2, 2], kernel: 3, padding: 1, stride: 1 },
  { size: [11, 13], kernel: [5, 4], stride: [3, 1], padding: [2, 2] },
];

const text = (geometry: Geometry) => JSON.stringify(geometry).replaceAll('"', '');

describe('max pooling', () => {
  const dilated: Geometry[] = [
    { size: [12, 20], kernel: 3, stride: 1, padding: 1, dilation: 2 },
    { size: [12, 20], kernel: [2, 3], stride: 2, dilation: [3, 4] },
    // a window whose taps all fall outside
    { size: [4, 4], kernel: 2, stride: 1, padding: 1, dilation: 5 },
  ];
  for (const geometry of [...geometries, ...dilated]) {
    it(`agrees with the reference: ${text(geometry)}`, () => {
      const random = new TestRandom(geometry.size[1]);
      const shape = poolShape(3, geometry);
      // Few distinct values, so that ties are common, and now and then a NaN or an infinity.
      const values = Float32Array.from({ length: 3 * areaOf(geometry.size) }, () => {
        const draw = random.integer(40);
        return draw === 0 ? NaN : draw === 1 ? -Infinity : draw === 2 ? Infinity : draw % 6;
      });
      const dy = random.normals(3 * areaOf(shape.outSize));
      const { y, index } = maxPool(values, shape);
      checkMax(shape, values, dy, { y, index, dx: maxPoolBackward(dy, index, shape) });
    });
  }
});

/** Both directions of the layer, and the kernel of its bins. */
function checkAdaptiveMax(
  shape: PoolShape,
  x: Float32Array,
  dy: Float32Array,
  { y, dx, index }: Answers & { index: ArrayLike<number> },
): void {
  const where = { type: 'i32', expected: index } as const;
  for (const recorded of [where, undefined]) {
    kernelCase({
      structs: { shape: sizesOf(shape) },
      range: { total: shape.planes, step: 1 },
      inputs: { x },
      outputs: { y: { expected: y }, index: recorded },
      call: (k, { y, index, x, shape }, from, to) =>
        k.adaptiveMaxPoolForward(y, index, x, shape, from, to),
    });
  }
  const layer = new AdaptiveMaxPool2d(shape.outSize);
  const out = layer.forward({ data: x, shape: [1, shape.planes, ...shape.size] });
  expect([...out.toArray()]).toEqual([...Float32Array.from(y)]);
  const found = layer.backward({ data: dy, shape: out.shape });
  expectClose(found.toArray(), dx, SUM, 'dx');
}

describe('adaptive max pooling', () => {
  const sizes = [
    [1, 1],
    [1, 3],
    [1, 5],
    [7, 7],
    [3, 5],
    [1, 17],
    [4, 8],
    [12, 9],
  ] as Pair[];
  for (const size of sizes) {
    for (const outSize of [
      [1, 1],
      [3, 1],
      [2, 3],
      [5, 4],
      [4, 4],
    ] as Pair[]) {
      it(`agrees with the reference: ${size} → ${outSize}`, () => {
        const random = new TestRandom(areaOf(size));
        const shape = { ...poolShape(3, { size, kernel: 1 }), outSize };
        const values = Float32Array.from({ length: 3 * areaOf(size) }, () => {
          const draw = random.integer(40);
          return draw === 0 ? NaN : draw === 1 ? -Infinity : draw === 2 ? Infinity : draw % 6;
        });
        const dy = random.normals(3 * areaOf(outSize));
        const { y, index } = adaptiveMaxPool(values, shape);
        checkAdaptiveMax(shape, values, dy, { y, index, dx: maxPoolBackward(dy, index, shape) });
      });
    }
  }
});

describe('average pooling', () => {
  for (const geometry of geometries) {
    for (const countIncludePad of [true, false]) {
      it(`agrees with the reference: ${text(geometry)}, ${countIncludePad}`, () => {
        const random = new TestRandom(geometry.size[1]);
        const shape = poolShape(3, geometry);
        const values = random.normals(3 * areaOf(geometry.size));
        const dy = random.normals(3 * areaOf(shape.outSize));
        checkAverage(shape, values, dy, countIncludePad, {
          y: avgPool(values, shape, countIncludePad),
          dx: avgPoolBackward(dy, shape, countIncludePad),
        });
      });
    }
  }

  it('passes NaN and infinity on, to their windows alone', () => {
    const shape = poolShape(1, { size: [2, 16], kernel: 2 });
    const values = new TestRandom(1).normals(32);
    values[3] = NaN;
    values[8] = Infinity;
    const dy = values.slice(0, 8);
    const y = avgPool(values, shape, true);
    checkAverage(shape, values, dy, true, { y, dx: avgPoolBackward(dy, shape, true) });
  });
});

describe('global and adaptive average pooling', () => {
  for (const size of [
    [1, 1],
    [1, 3],
    [1, 5],
    [7, 7],
    [3, 5],
    [1, 16],
    [1, 17],
    [4, 8],
    [9, 7],
    [28, 28],
  ] as Pair[]) {
    const random = new TestRandom(areaOf(size));
    const values = random.normals(5 * areaOf(size), 1);
    it(`means of whole planes, ${size}`, () => {
      const shape = { ...poolShape(5, { size, kernel: size }), outSize: [1, 1] as Pair };
      const dy = random.normals(5);
      checkGlobal(shape, values, dy);
    });
    for (const outSize of [
      [1, 1],
      [2, 3],
      [5, 4],
      [9, 9],
    ] as Pair[]) {
      it(`means of bins, ${size} → ${outSize}`, () => {
        const shape = { ...poolShape(5, { size, kernel: 1 }), outSize };
        const dy = random.normals(5 * areaOf(outSize));
        checkAdaptive(shape, values, dy);
      });
    }
  }
});

describe('the references themselves', () => {
  it('have the gradients that finite differences find', () => {
    const random = new TestRandom(3);
    const shape = poolShape(2, { size: [6, 7], kernel: 3, stride: 2, padding: 1, ceilMode: true });
    const binned = { ...shape, outSize: [4, 5] as Pair };
    const x = Float64Array.from(random.normals(84));
    const check = (
      f: (x: Float64Array) => ArrayLike<number>,
      back: (dy: Float32Array) => object,
    ) => {
      const dy = random.normals(f(x).length);
      const objective = (at: Float64Array) =>
        Array.from(f(at)).reduce((s, y, i) => s + y * dy[i]!, 0);
      const h = 1e-6;
      const differences = x.map((value, i) => {
        const above = x.slice();
        const below = x.slice();
        above[i] = value + h;
        below[i] = value - h;
        return (objective(above) - objective(below)) / (2 * h);
      });
      expectClose(back(dy) as Float64Array, differences, { scaled: 1e-7 });
    };
    check(
      (at) => maxPool(at, shape).y,
      (dy) => maxPoolBackward(dy, maxPool(x, shape).index, shape),
    );
    for (const pad of [true, false]) {
      check(
        (at) => avgPool(at, shape, pad),
        (dy) => avgPoolBackward(dy, shape, pad),
      );
    }
    check(
      (at) => adaptiveMaxPool(at, binned).y,
      (dy) => maxPoolBackward(dy, adaptiveMaxPool(x, binned).index, binned),
    );
    check(
      (at) => adaptiveAvgPool(at, binned),
      (dy) => adaptiveAvgPoolBackward(dy, binned),
    );
  });
});

describe("PyTorch's answers", () => {
  readGoldens('pool').forEach(({ op, options, x, y, dy, dx, index }, at) => {
    const planes = x.shape[0] * x.shape[1];
    const size: Pair = [x.shape[2], x.shape[3]];
    const outSize: Pair = [y.shape[2], y.shape[3]];
    it(`${at}: ${op} of ${x.shape}, ${JSON.stringify(options)}`, () => {
      if (op === 'adaptive_avg_pool2d') {
        const shape = { ...poolShape(planes, { size, kernel: 1 }), outSize };
        checkAdaptive(shape, x.data, dy.data, { y: y.data, dx: dx.data });
        return;
      }
      if (op === 'adaptive_max_pool2d') {
        const shape = { ...poolShape(planes, { size, kernel: 1 }), outSize };
        const answers = { y: y.data, dx: dx.data, index: index.data };
        checkAdaptiveMax(shape, x.data, dy.data, answers);
        return;
      }
      const shape = poolShape(planes, {
        size,
        kernel: options.kernel_size,
        stride: options.stride,
        padding: options.padding,
        dilation: options.dilation,
        ceilMode: options.ceil_mode,
      });
      expect(shape.outSize).toEqual(outSize);
      const answers = { y: y.data, dx: dx.data };
      if (op === 'max_pool2d') checkMax(shape, x.data, dy.data, { ...answers, index: index.data });
      else checkAverage(shape, x.data, dy.data, options.count_include_pad ?? true, answers);
    });
  });
});

describe('the layers', () => {
  function run(layer: Module, x: { data: ArrayLike<number>; shape: number[] }, dy: object) {
    const model = new Sequential(layer);
    const predicted = model.predict(x).toArray();
    const y = model.forward(x);
    expect(y.toArray()).toEqual(predicted);
    const shape = y.shape;
    const values = y.toArray();
    return { shape, y: values, dx: model.backward(dy as typeof x).toArray() };
  }

  it('of one dimension are those of two with a height of 1', () => {
    const random = new TestRandom(4);
    const x = { data: random.normals(2 * 3 * 17), shape: [2, 3, 17] };
    const flat = { ...x, shape: [2, 3, 1, 17] };
    for (const [one, two] of [
      [
        new MaxPool1d(3, { stride: 2, padding: 1, dilation: 2 }),
        new MaxPool2d([1, 3], { stride: [1, 2], padding: [0, 1], dilation: [1, 2] }),
      ],
      [
        new AvgPool1d(4, { padding: 2, ceilMode: true, countIncludePad: false }),
        new AvgPool2d([1, 4], { padding: [0, 2], ceilMode: true, countIncludePad: false }),
      ],
      [new AdaptiveAvgPool1d(5), new AdaptiveAvgPool2d([1, 5])],
      [new AdaptiveMaxPool1d(5), new AdaptiveMaxPool2d([1, 5])],
    ] as [Module, Module][]) {
      const { shape } = two.predict(flat) as Tensor;
      const dy = random.normals(shape.reduce((product, extent) => product * extent, 1));
      const expected = run(two, flat, { data: dy, shape });
      const actual = run(one, x, { data: dy, shape: [shape[0], shape[1], shape[3]] });
      expect(actual.shape).toEqual([shape[0], shape[1], shape[3]]);
      expect(actual.y).toEqual(expected.y);
      expect(actual.dx).toEqual(expected.dx);
    }
  });

  it('GlobalAvgPool drops the axes it averages', () => {
    const random = new TestRandom(5);
    for (const shape of [
      [3, 2, 6, 7],
      [3, 2, 42],
      [3, 2, 1, 6, 7],
    ]) {
      const x = { data: random.normals(252), shape };
      const dy = random.normals(6);
      const actual = run(new GlobalAvgPool(), x, { data: dy, shape: [3, 2] });
      const planes = { ...poolShape(6, { size: [6, 7], kernel: 1 }), outSize: [1, 1] as Pair };
      expectClose(actual.y, adaptiveAvgPool(x.data, planes), SUM);
      expectClose(actual.dx, adaptiveAvgPoolBackward(dy, planes), SUM);
    }
  });

  it('name what is wrong', () => {
    const image = (...shape: number[]) => ({
      data: new Float32Array(shape.reduce((product, extent) => product * extent, 1)),
      shape,
    });
    const fails = (what: () => unknown, message: string) => {
      expect(what).toThrow(message);
      expect(what).toThrow(RangeError);
    };
    fails(
      () => new MaxPool2d(2).forward(image(8, 32)),
      'MaxPool2d(2): input expected [N, C, H, W], got [8, 32]',
    );
    fails(
      () => new AvgPool1d(2).forward(image(1, 2, 3, 4)),
      'AvgPool1d(2): input expected [N, C, L], got [1, 2, 3, 4]',
    );
    fails(() => new MaxPool2d(2).forward(image(0, 3, 8, 8)), 'MaxPool2d(2): input is empty');
    fails(
      () => new MaxPool2d(5, { stride: 2 }).forward(image(1, 1, 4, 9)),
      'MaxPool2d(5, stride=2): kernel expected to fit the padded input, 4×9, got 5×5',
    );
    fails(
      () => new MaxPool2d(3, { padding: 2 }),
      'MaxPool2d: padding expected at most half the kernel (3), got 2',
    );
    fails(() => new AvgPool2d([2, 0]), 'AvgPool2d: kernelSize expected a whole number ≥ 1, got 0');
    fails(() => new AvgPool2d([2, 2, 2] as never), 'kernelSize expected a number or a pair');
    fails(() => new AvgPool1d([2, 2] as never), 'kernelSize expected one number, got [2, 2]');
    fails(() => new AdaptiveAvgPool2d(0), 'outputSize expected a whole number ≥ 1, got 0');
    fails(
      () => new AdaptiveAvgPool2d([2, 3]).forward(image(4)),
      'AdaptiveAvgPool2d([2, 3]): input expected [N, C, H, W], got [4]',
    );
    fails(() => new GlobalAvgPool().forward(image(2, 3)), 'input expected [N, C, …], got [2, 3]');
  });
});
