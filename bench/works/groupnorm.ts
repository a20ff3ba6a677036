/** Group norm and, where every channel is a group, instance norm, against R + S and 2R + S₂. */
import { GroupNormShape as Sizes } from '../../src/generated/kernels.ts';
import type { Arena } from '../arena.ts';
import { againstTorch, type Bench, fromScene } from '../bench.ts';
import { memoryLoops, type Scene } from '../scene.ts';

/** Images [n, c, size, size], whose channels are cut into groups. */
interface GroupNormShape {
  n: number;
  c: number;
  size: number;
  groups: number;
}

const SHAPES: GroupNormShape[] = [
  { n: 32, c: 64, size: 56, groups: 32 },
  { n: 8, c: 256, size: 14, groups: 32 },
  { n: 32, c: 64, size: 56, groups: 64 },
  { n: 8, c: 256, size: 14, groups: 256 },
];

function nameOf({ n, c, size, groups }: GroupNormShape): string {
  const kind = groups === c ? 'instances' : `${groups} groups`;
  return `[${n}, ${c}, ${size}, ${size}], ${kind}`;
}

function groupNormScene(arena: Arena, shape: GroupNormShape): Scene {
  const { kernels: k } = arena;
  const { n, c, size: side, groups } = shape;
  const s = side * side;
  const size = n * c * s;
  const all = n * groups;
  const [x, dy, y] = [arena.floats(size, 1), arena.floats(size, 2), arena.floats(size)];
  const [dx, z] = [arena.floats(size), arena.floats(size)];
  const [weight, bias, dWeight, dBias] = [3, 4, 5, 6].map((seed) => arena.floats(c, seed)) as [
    typeof x,
    typeof x,
    typeof x,
    typeof x,
  ];
  const sizes = arena.struct(Sizes, { samples: n, channels: c, plane: s, groups, eps: 1e-5 });
  const statistics = arena.floats(4 * all);
  const partial = arena.bytes(k.groupNormScratch(sizes));
  const forward = () => k.groupNormForward(y, statistics, x, weight, bias, sizes, 0, all);
  forward();
  return {
    shape: nameOf(shape),
    unit: 'ns/element',
    loops: memoryLoops(arena, size, { x, y: dy, z }),
    works: {
      forward: {
        count: size,
        limit: ['(R+S)', (t) => t.R + t.S],
        run: forward,
        results: [[y, size]],
      },
      backward: {
        count: size,
        limit: ['(2R+S₂)', (t) => 2 * t.R + t['S₂']],
        // The kernels add to dWeight and dBias.
        reset: () => {
          arena.view(dWeight, c).fill(0);
          arena.view(dBias, c).fill(0);
        },
        run: () => {
          k.groupNormBackward(dx, partial, statistics, dy, x, weight, sizes, 0, all);
          k.groupNormAffineBackward(dWeight, dBias, partial, sizes, 0, c);
        },
        results: [[dx, size]],
      },
    },
  };
}

const bench: Bench = {
  subject: 'Other norms',
  scenes: (arena) => SHAPES.map((shape) => () => groupNormScene(arena, shape)),
  contest: {
    items: SHAPES.flatMap((shape) =>
      ['forward', 'backward'].map((work) => ({
        work,
        shape: nameOf(shape),
        unit: 'ns/element' as const,
        count: shape.n * shape.c * shape.size ** 2,
        of: { ...shape },
        tolerance: 1e-4,
      })),
    ),
    prepare: fromScene((arena, { of }) => groupNormScene(arena, of as unknown as GroupNormShape)),
  },
  goals: [
    {
      name: 'group norm and instance norm, forward and backward, × PyTorch',
      ...{ must: 1, aim: 0.7, unit: '×' },
      why: "PyTorch's vectors are twice as wide, and a channel has only 49 vectors to share the cost of ending its sums",
      of: (found) => againstTorch(found, ['forward', 'backward']),
    },
  ],
};
export default bench;
