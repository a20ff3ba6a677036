/** Batch norm forward in training, inference and backward, against R + S, S, I and 2R + S₂. */
import { type Pointer, BatchNormShape as Sizes } from '../../src/generated/kernels.ts';
import { writeStruct } from '../../src/memory/struct.ts';
import type { Arena } from '../arena.ts';
import { againstTorch, type Bench, fromScene, type Item, ratios } from '../bench.ts';
import { memoryLoops, type Row, type Scene, type Work } from '../scene.ts';

export interface BatchNormShape {
  layout: 'rows' | 'NCHW' | 'NHWC';
  n: number;
  c: number;
  /** Positions per channel and sample; 1 for rows. */
  s: number;
  name: string;
}

const rows = (n: number, c: number): BatchNormShape => ({
  layout: 'rows',
  n,
  c,
  s: 1,
  name: `rows [${n}, ${c}]`,
});
const images = (n: number, c: number, size: number): BatchNormShape[] => [
  { layout: 'NCHW', n, c, s: size * size, name: `NCHW [${n}, ${c}, ${size}, ${size}]` },
  { layout: 'NHWC', n, c, s: size * size, name: `NHWC [${n}, ${size}, ${size}, ${c}]` },
];

const SHAPES: BatchNormShape[] = [
  rows(128, 100),
  rows(256, 1024),
  rows(4096, 512),
  ...images(32, 64, 56),
  ...images(100, 32, 28),
  ...images(8, 256, 14),
  ...images(64, 16, 32),
];

/** The sizes as kernels take them. */
export function sizesAt(arena: Arena, sizes: Sizes): Pointer<'BatchNormShape'> {
  const ptr = arena.bytes(16);
  writeStruct(new DataView(arena.view(ptr, 4).buffer, ptr), Sizes, sizes);
  return ptr as Pointer<'BatchNormShape'>;
}

export function batchNormScene(arena: Arena, shape: BatchNormShape): Scene {
  const { kernels: k } = arena;
  const { layout, c, name } = shape;
  const planes = layout === 'NCHW';
  const n = planes ? shape.n : shape.n * shape.s;
  const { s } = shape;
  const m = shape.n * shape.s;
  const size = m * c;
  const [x, dy, y, dx, z] = [
    arena.floats(size, 1),
    arena.floats(size, 2),
    arena.floats(size),
    arena.floats(size),
    arena.floats(size),
  ];
  const perChannel = (seed?: number) => arena.floats(c, seed);
  const statistics = arena.floats(4 * c) as Pointer<'Statistics'>;
  const coefficients = arena.floats(5 * c) as Pointer<'Coefficients'>;
  const [weight, bias, dWeight, dBias] = [perChannel(3), perChannel(4), perChannel(), perChannel()];
  const [runningMean, runningVar] = [perChannel(5), perChannel(6)];
  const variances = arena.view(runningVar, c);
  for (let i = 0; i < c; i++) variances[i]! += 1;
  const sizes = sizesAt(arena, { n, c, s: planes ? s : 0 });
  const scratch = arena.bytes(k.batchNormScratch(sizes));

  const measure = () => k.batchNormStatistics(statistics, x, sizes, 1e-5, 0, c, scratch);
  const affine = () => k.batchNormAffine(coefficients, statistics, weight, bias, c, 0, c);
  const normalize = (to: Pointer, from: Pointer) =>
    k.batchNormForward(to, coefficients, from, sizes, 0, 0, n, scratch);
  const forward = () => {
    measure();
    affine();
    normalize(y, x);
  };
  const inference = (to: Pointer, from: Pointer) => {
    k.batchNormRunning(statistics, runningMean, runningVar, c, 1e-5, 0, c);
    affine();
    normalize(to, from);
  };
  const backward = () => {
    k.batchNormBackwardSums(coefficients, dy, x, sizes, 0, 0, c, scratch);
    const blocks = [coefficients, statistics] as const;
    k.batchNormAffineBackward(dWeight, dBias, ...blocks, c, m, 0, c, scratch);
    k.batchNormBackward(dx, coefficients, dy, x, sizes, 0, 0, n, scratch);
  };
  forward();
  const clear = () => arena.view(z, size).set(arena.view(x, size));
  const works: Record<string, Work> = {
    forward: {
      count: size,
      limit: ['(R+S)', (t) => t.R + t.S],
      run: forward,
      results: [[y, size]],
    },
    statistics: { count: size, limit: ['R', (t) => t.R], run: measure },
    inference: {
      count: size,
      limit: ['S', (t) => t.S],
      run: () => inference(y, x),
      results: [[y, size]],
    },
    'inference in place': {
      count: size,
      limit: ['I', (t) => t.I],
      reset: clear,
      run: () => inference(z, z),
    },
    backward: {
      count: size,
      limit: ['(2R+S₂)', (t) => 2 * t.R + t['S₂']],
      // The kernels add to dWeight and dBias.
      reset: () => {
        forward();
        arena.view(dWeight, c).fill(0);
        arena.view(dBias, c).fill(0);
      },
      run: backward,
      results: [[dx, size]],
    },
  };
  const loops = memoryLoops(arena, size, { x, y: dy, z });
  loops.I!.reset = clear;
  return { shape: name, unit: 'ns/element', loops, works };
}

const items: Item[] = SHAPES.flatMap(({ name, ...of }) =>
  ['forward', 'inference', 'backward'].map((work) => ({
    work,
    shape: name,
    unit: 'ns/element' as const,
    count: of.n * of.c * of.s,
    of,
    tolerance: 1e-4,
  })),
);

/** Tensors of 8 MiB and more, which no cache near a core holds. */
const large = ({ shape }: Row): boolean =>
  shape
    .replace(/^.*\[|\]$/g, '')
    .split(', ')
    .reduce((size, extent) => size * Number(extent), 1) >=
  2 ** 21;

const bench: Bench = {
  subject: 'Batch norm',
  scenes: (arena) => SHAPES.map((shape) => () => batchNormScene(arena, shape)),
  contest: {
    items,
    prepare: fromScene((arena, { shape, of }) =>
      batchNormScene(arena, { ...(of as unknown as BatchNormShape), name: shape }),
    ),
  },
  goals: [
    {
      name: 'batch norm forward in training, 8 MiB and more, × (R+S)',
      ...{ must: 1.25, aim: 1.1, unit: '×' },
      why: 'channels last; NCHW reaches 1.2. In the cache, the statistics take two additions an element where R takes one. Beyond 4 MiB, y is written one row at a time, because the prefetcher cannot follow four streams (two took 2.5 × as long); y takes three loads a vector where S takes one. The statistics need four rows for their bits; reading these rows in order first took 1.2 × as long',
      of: ({ strict }) => ratios(strict, 'forward', large),
    },
    {
      name: 'batch norm inference, 8 MiB and more, × S',
      ...{ must: 1.15, aim: 1.05, unit: '×' },
      why: 'y of rows takes 1.5 loads a vector up to 4 MiB (columns of 16 lanes, four rows at once) and 3 beyond, where S takes one',
      of: ({ strict }) => ratios(strict, 'inference', large),
    },
    {
      name: 'batch norm inference in place, 8 MiB and more, × I',
      ...{ must: 1.15, aim: 1.05, unit: '×' },
      why: 'a product and a sum where I has a product only (NCHW takes 1.2 × I while in the cache); rows add the loads of scale and offset, and a loop per column',
      of: ({ strict }) => ratios(strict, 'inference in place', large),
    },
    {
      name: 'batch norm backward, 8 MiB and more, × (2R+S₂)',
      ...{ must: 1.25, aim: 1.1, unit: '×' },
      why: "in V8's machine code, dx of rows takes five loads a vector (x, dy, three per-channel numbers) where S₂ takes two. Rows side by side would save three of them, but lose the prefetcher and take twice the time. Beyond 2^20 elements the sums are loaded and stored at every row, for the same reason",
      of: ({ strict }) => ratios(strict, 'backward', large),
    },
    {
      name: 'batch norm forward in training, all shapes, × PyTorch',
      ...{ must: 1, aim: 0.7, unit: '×' },
      of: (found) => againstTorch(found, ['forward']),
    },
    {
      name: 'batch norm backward, all shapes, × PyTorch',
      ...{ must: 1.1, aim: 0.7, unit: '×' },
      of: (found) => againstTorch(found, ['backward']),
    },
  ],
};
export default bench;
