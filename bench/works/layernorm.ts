/** Layer norm and RMS norm forward and backward, as multiples of memory.copy and of 2R + S₂. */
import { LayerNormShape } from '../../src/generated/kernels.ts';
import type { Arena } from '../arena.ts';
import { againstTorch, type Bench, fromScene, ratios } from '../bench.ts';
import { memoryLoops, type Row, type Scene, type Work } from '../scene.ts';

/** n rows of d numbers: a transformer's tokens and features. */
interface RowsShape {
  n: number;
  d: number;
}

const SHAPES: RowsShape[] = [
  { n: 512, d: 768 },
  { n: 4096, d: 512 },
  { n: 100, d: 64 },
];

const nameOf = ({ n, d }: RowsShape) => `[${n}, ${d}]`;

function layerNormScene(arena: Arena, shape: RowsShape): Scene {
  const { kernels: k } = arena;
  const { n, d } = shape;
  const size = n * d;
  const [x, dy, y] = [arena.floats(size, 1), arena.floats(size, 2), arena.floats(size)];
  const [dx, z] = [arena.floats(size), arena.floats(size)];
  const [weight, bias] = [arena.floats(d, 3), arena.floats(d, 4)];
  const [dWeight, dBias] = [arena.floats(d), arena.floats(d)];
  const sizes = arena.struct(LayerNormShape, { samples: n, groups: 1, d, eps: 1e-5 });
  const statistics = arena.floats(4 * n);
  const invRms = arena.floats(n);
  const partial = arena.bytes(k.layerNormScratch(sizes));
  const forward = (run: () => void): Work => {
    run();
    return { count: size, limit: ['copy', (t) => t.copy], run, results: [[y, size]] };
  };
  const backward = (run: () => void): Work => ({
    count: size,
    limit: ['(2R+S₂)', (t) => 2 * t.R + t['S₂']],
    // The kernels add to dWeight and dBias.
    reset: () => {
      arena.view(dWeight, d).fill(0);
      arena.view(dBias, d).fill(0);
    },
    run,
    results: [[dx, size]],
  });
  return {
    shape: nameOf(shape),
    unit: 'ns/element',
    loops: memoryLoops(arena, size, { x, y: dy, z }),
    works: {
      forward: forward(() => k.layerNormForward(y, statistics, x, weight, bias, sizes, 0, n)),
      backward: backward(() => {
        k.layerNormBackward(dx, partial, statistics, dy, x, weight, sizes, 0, n);
        k.layerNormAffineBackward(dWeight, dBias, partial, sizes, 0, d);
      }),
      'RMS forward': forward(() => k.rmsNormForward(y, invRms, x, weight, d, 1e-5, 0, n)),
      'RMS backward': backward(() => {
        k.rmsNormBackward(dx, partial, invRms, dy, x, weight, d, 0, n);
        k.rmsNormAffineBackward(dWeight, partial, n, d, 0, d);
      }),
    },
  };
}

const wide = ({ shape }: Row) => shape === '[512, 768]';

const bench: Bench = {
  subject: 'Other norms',
  scenes: (arena) => SHAPES.map((shape) => () => layerNormScene(arena, shape)),
  contest: {
    items: SHAPES.flatMap((shape) =>
      ['forward', 'backward', 'RMS forward', 'RMS backward'].map((work) => ({
        work,
        shape: nameOf(shape),
        unit: 'ns/element' as const,
        count: shape.n * shape.d,
        of: { ...shape },
        tolerance: 1e-4,
      })),
    ),
    prepare: fromScene((arena, { of }) => layerNormScene(arena, of as unknown as RowsShape)),
  },
  goals: [
    {
      name: 'layer norm [512, 768] forward, × memory.copy',
      ...{ must: 3, aim: 2.5, unit: '×' },
      why: 'two additions an element in the sums and two in y, where the copy has none',
      of: ({ strict }) => ratios(strict, 'forward', wide),
    },
    {
      name: 'RMS norm [512, 768] forward, × memory.copy',
      ...{ must: 2.2, aim: 2, unit: '×' },
      why: "it shares layer norm's loop, which sums x beside x²; a loop of its own would cost bytes",
      of: ({ strict }) => ratios(strict, 'RMS forward', wide),
    },
    {
      name: 'layer norm, forward and backward, × PyTorch',
      ...{ must: 1, aim: 0.7, unit: '×' },
      of: (found) => againstTorch(found, ['forward', 'backward']),
    },
  ],
};
export default bench;
