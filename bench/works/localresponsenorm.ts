/** Local response norm, × (R + S) forward and × (2R + S₂) backward. */
import { LocalResponseNormShape } from '../../src/generated/kernels.ts';
import type { Arena } from '../arena.ts';
import { againstTorch, type Bench, fromScene } from '../bench.ts';
import { memoryLoops, type Scene } from '../scene.ts';

/** Images [n, c, size, size]; a sum takes `window` channels. */
interface Shape {
  n: number;
  c: number;
  size: number;
  window: number;
}

const SHAPES: Shape[] = [{ n: 32, c: 64, size: 28, window: 5 }];

const nameOf = ({ n, c, size, window }: Shape) =>
  `[${n}, ${c}, ${size}, ${size}], ${window} channels`;

function localResponseNormScene(arena: Arena, { n, c, size: side, window }: Shape): Scene {
  const { kernels: k } = arena;
  const s = side * side;
  const size = n * c * s;
  const [x, dy, y] = [arena.floats(size, 1), arena.floats(size, 2), arena.floats(size)];
  const [t, dx] = [arena.floats(size), arena.floats(size)];
  const constants = { size: window, share: 1e-4 / window, beta: 0.75, k: 1 };
  const sizes = arena.struct(LocalResponseNormShape, { channels: c, plane: s, ...constants });
  const ratios = arena.bytes(k.localResponseNormScratch(sizes));
  const forward = () => k.localResponseNormForward(y, t, x, sizes, 0, n);
  forward();
  return {
    shape: nameOf({ n, c, size: side, window }),
    unit: 'ns/element',
    loops: memoryLoops(arena, size, { x, y: dy, z: dx }),
    works: {
      forward: {
        count: size,
        limit: ['(R+S)', (times) => times.R + times.S],
        run: forward,
        results: [[y, size]],
      },
      backward: {
        count: size,
        limit: ['(2R+S₂)', (times) => 2 * times.R + times['S₂']],
        run: () => k.localResponseNormBackward(dx, t, y, dy, x, sizes, 0, n, ratios),
        results: [[dx, size]],
      },
    },
  };
}

const bench: Bench = {
  subject: 'Other norms',
  scenes: (arena) => SHAPES.map((shape) => () => localResponseNormScene(arena, shape)),
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
    prepare: fromScene((arena, { of }) => localResponseNormScene(arena, of as unknown as Shape)),
  },
  goals: [
    {
      name: 'local response norm, forward and backward, × PyTorch',
      ...{ must: 1, aim: 0.7, unit: '×' },
      of: (found) => againstTorch(found, ['forward', 'backward']),
    },
  ],
};
export default bench;
