import { describe, expect, it } from 'vitest';
import {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AvgPool1d,
  AvgPool2d,
  GlobalAvgPool,
  MaxPool1d,
  MaxPool2d,
  type Module,
  Sequential,
} from '../src/index.ts';
import {
  adaptiveAvgPool,
  adaptiveAvgPoolBackward,
  avgPool,
  avgPoolBackward,
  maxPool,
  maxPoolBackward,
  type PoolShape,
} from './reference/pool.ts';
import { expectClose } from './support/close.ts';
import { readGoldens } from './support/goldens.ts';
import { Arena } from './support/kernels.ts';
import { TestRandom } from './support/random.ts';

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

const windowOf = ({ size, outSize, kernel, stride, padding }: PoolShape) =>
  [...size, ...outSize, ...kernel, ...stride, ...padding] as const;
const areaOf = ([height, width]: Pair) => height * width;

/** The kernels on one input, cut into two ranges of planes. */
class Pools {
  readonly arena = new Arena();
  readonly cut: number;
  readonly y;
  readonly dx;

  constructor(readonly shape: PoolShape) {
    this.cut = shape.planes >> 1;
    this.y = this.arena.f32(shape.planes * areaOf(shape.outSize));
    // dx is overwritten: whatever it held must be gone.
    this.dx = this.arena.f32(new Float32Array(shape.planes * areaOf(shape.size)).fill(7e7));
  }

  ranges(run: (from: number, to: number) => void): void {
    run(this.cut, this.shape.planes);
    run(0, this.cut);
    this.arena.checkCanaries();
  }

  max(values: ArrayLike<number>, dy: ArrayLike<number>) {
    const { arena, shape, y, dx } = this;
    const index = arena.i32(y.length);
    const x = arena.f32(values);
    const upstream = arena.f32(dy);
    const window = [...windowOf(shape), ...shape.dilation] as const;
    const call = arena.kernels.maxPoolForward as (...args: number[]) => void;
    const back = arena.kernels.maxPoolBackward as (...args: number[]) => void;
    this.ranges((from, to) => call(y.ptr, index.ptr, x.ptr, ...window, from, to));
    this.ranges((from, to) => back(dx.ptr, index.ptr, upstream.ptr, ...window, from, to));
    const recorded = y.f32.slice();
    y.f32.fill(7e7);
    this.ranges((from, to) => call(y.ptr, 0, x.ptr, ...window, from, to));
    expect(y.f32, 'y without an index').toEqual(recorded);
    return { y: y.f32, index: index.i32, dx: dx.f32 };
  }

  average(values: ArrayLike<number>, dy: ArrayLike<number>, countIncludePad: boolean) {
    const { arena, shape, y, dx } = this;
    const x = arena.f32(values);
    const upstream = arena.f32(dy);
    const scratch = arena.f32(shape.outSize[1]).ptr;
    const window = [...windowOf(shape), Number(countIncludePad)] as const;
    const call = arena.kernels.avgPoolForward as (...args: number[]) => void;
    const back = arena.kernels.avgPoolBackward as (...args: number[]) => void;
    this.ranges((from, to) => call(y.ptr, x.ptr, ...window, from, to));
    this.ranges((from, to) => back(dx.ptr, upstream.ptr, ...window, from, to, scratch));
    return { y: y.f32, dx: dx.f32 };
  }

  adaptive(values: ArrayLike<number>, dy: ArrayLike<number>) {
    const { arena, shape, y, dx } = this;
    const x = arena.f32(values);
    const upstream = arena.f32(dy);
    const { kernels } = arena;
    const sizes = [...shape.size, ...shape.outSize] as [number, number, number, number];
    this.ranges((from, to) => kernels.adaptiveAvgPoolForward(y.ptr, x.ptr, ...sizes, from, to));
    this.ranges((from, to) =>
      kernels.adaptiveAvgPoolBackward(dx.ptr, upstream.ptr, ...sizes, from, to),
    );
    return { y: y.f32, dx: dx.f32 };
  }

  global(values: ArrayLike<number>, dy: ArrayLike<number>) {
    const { arena, shape, y, dx } = this;
    const x = arena.f32(values);
    const upstream = arena.f32(dy);
    const { kernels } = arena;
    const size = areaOf(shape.size);
    this.ranges((from, to) => kernels.globalAvgPoolForward(y.ptr, x.ptr, size, from, to));
    this.ranges((from, to) => kernels.globalAvgPoolBackward(dx.ptr, upstream.ptr, size, from, to));
    return { y: y.f32, dx: dx.f32 };
  }
}

// Sums of a window have a few terms; a mean's error is a few roundings of its terms.
const SUM = { rtol: 1e-6, scaled: 1e-6 };

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
      const actual = new Pools(shape).max(values, dy);
      const expected = maxPool(values, shape);
      expectClose(actual.y, expected.y, { rtol: 0 }, 'y');
      expect([...actual.index]).toEqual(expected.index);
      expectClose(actual.dx, maxPoolBackward(dy, expected.index, shape), SUM, 'dx');
    });
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
        const actual = new Pools(shape).average(values, dy, countIncludePad);
        expectClose(actual.y, avgPool(values, shape, countIncludePad), SUM, 'y');
        expectClose(actual.dx, avgPoolBackward(dy, shape, countIncludePad), SUM, 'dx');
      });
    }
  }

  it('passes NaN and infinity on, to their windows alone', () => {
    const shape = poolShape(1, { size: [2, 16], kernel: 2 });
    const values = new TestRandom(1).normals(32);
    values[3] = NaN;
    values[8] = Infinity;
    const expected = avgPool(values, shape, true);
    expectClose(new Pools(shape).average(values, values.slice(0, 8), true).y, expected, SUM);
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
      const actual = new Pools(shape).global(values, dy);
      expectClose(actual.y, adaptiveAvgPool(values, shape), SUM, 'y');
      expectClose(actual.dx, adaptiveAvgPoolBackward(dy, shape), SUM, 'dx');
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
        const actual = new Pools(shape).adaptive(values, dy);
        expectClose(actual.y, adaptiveAvgPool(values, shape), SUM, 'y');
        expectClose(actual.dx, adaptiveAvgPoolBackward(dy, shape), SUM, 'dx');
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
        const pools = new Pools({ ...poolShape(planes, { size, kernel: 1 }), outSize });
        const actual = pools.adaptive(x.data, dy.data);
        expectClose(actual.y, y.data, SUM, 'y');
        expectClose(actual.dx, dx.data, SUM, 'dx');
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
      const pools = new Pools(shape);
      const actual =
        op === 'max_pool2d'
          ? pools.max(x.data, dy.data)
          : pools.average(x.data, dy.data, options.count_include_pad ?? true);
      expectClose(actual.y, y.data, SUM, 'y');
      if ('index' in actual) expect(actual.index, 'index').toEqual(index.data);
      expectClose(actual.dx, dx.data, SUM, 'dx');
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
    ] as [Module, Module][]) {
      const { shape } = two.predict(flat);
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
      'MaxPool2d(5, stride=2): input of 4 × 9 is too small for the window: the output would be 0 × 3',
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
