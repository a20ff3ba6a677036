/** Weight norm, × (R + S) forward and × (2R + S₂) backward. */
import type { Arena } from '../arena.ts';
import { againstTorch, type Bench, fromScene } from '../bench.ts';
import { memoryLoops, type Scene } from '../scene.ts';

interface Shape {
  rows: number;
  cols: number;
}

const SHAPES: Shape[] = [{ rows: 200, cols: 784 }];

const nameOf = ({ rows, cols }: Shape) => `[${rows}, ${cols}]`;

function weightNormScene(arena: Arena, { rows, cols }: Shape): Scene {
  const { kernels: k } = arena;
  const size = rows * cols;
  const [v, dw, w, dv] = [1, 2, 3, 4].map((seed) => arena.floats(size, seed));
  const [g, dg, norm] = [5, 6, 7].map((seed) => arena.floats(rows, seed));
  const forward = () => k.weightNormForward(w!, norm!, v!, g!, cols, 0, rows);
  forward();
  return {
    shape: nameOf({ rows, cols }),
    unit: 'ns/element',
    loops: memoryLoops(arena, size, { x: v!, y: dw!, z: w! }),
    works: {
      forward: {
        count: size,
        limit: ['(R+S)', (times) => times.R + times.S],
        run: forward,
        results: [[w!, size]],
      },
      backward: {
        count: size,
        limit: ['(2R+S₂)', (times) => 2 * times.R + times['S₂']],
        // The kernel adds to dg and dv.
        reset: () => {
          arena.view(dg!, rows).fill(0);
          arena.view(dv!, size).fill(0);
        },
        run: () => k.weightNormBackward(dg!, dv!, norm!, dw!, v!, g!, cols, 0, rows),
        results: [[dv!, size]],
      },
    },
  };
}

const bench: Bench = {
  subject: 'Other norms',
  scenes: (arena) => SHAPES.map((shape) => () => weightNormScene(arena, shape)),
  contest: {
    items: SHAPES.flatMap((shape) =>
      ['forward', 'backward'].map((work) => ({
        work,
        shape: nameOf(shape),
        unit: 'ns/element' as const,
        count: shape.rows * shape.cols,
        of: { ...shape },
        tolerance: 1e-4,
      })),
    ),
    prepare: fromScene((arena, { of }) => weightNormScene(arena, of as unknown as Shape)),
  },
  goals: [
    {
      name: 'weight norm, forward and backward, × PyTorch',
      ...{ must: 1, aim: 0.7, unit: '×' },
      of: (found) => againstTorch(found, ['forward', 'backward']),
    },
  ],
};
export default bench;
