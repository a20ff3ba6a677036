/** Losses: nanoseconds an element, and the multiple of bare loops over the same bytes. */
import { CrossEntropyShape } from '../../src/generated/kernels.ts';
import { ABSENT, type Arena } from '../arena.ts';
import { type Bench, fromScene, values } from '../bench.ts';
import { memoryLoops, type Scene } from '../scene.ts';

const [ROWS, CLASSES] = [256, 1000];
const SHAPE = `[${ROWS}, ${CLASSES}]`;
const CROSS_ENTROPY = 'cross-entropy, forward and backward';

function lossScene(arena: Arena): Scene {
  const { kernels: k } = arena;
  const n = ROWS * CLASSES;
  const [x, t, y, z] = [arena.floats(n, 1), arena.floats(n, 2), arena.floats(n), arena.floats(n)];
  const labels = arena.labels(ROWS, CLASSES);
  const sizes = { c: CLASSES, inner: 1, ignoreIndex: -100, smoothing: 0 };
  const shape = arena.struct(CrossEntropyShape, sizes);
  const crossEntropy = () => {
    k.crossEntropyForward(y, x, labels, ABSENT, shape, 0, ROWS);
    k.crossEntropyBackward(y, y, labels, ABSENT, shape, 1 / ROWS, 0, ROWS);
  };
  return {
    shape: SHAPE,
    unit: 'ns/element',
    loops: memoryLoops(arena, n, { x, y: t, z }),
    works: {
      [CROSS_ENTROPY]: {
        count: n,
        limit: ['(R+S+I)', (at) => at.R + at.S + at.I],
        run: crossEntropy,
        results: [[y, n]],
      },
      'mean squared error': {
        count: n,
        limit: ['2R', (at) => 2 * at.R],
        run: () => k.mseForward(x, t, 0, n),
      },
      'mean squared error, backward': {
        count: n,
        limit: ['S₂', (at) => at['S₂']],
        run: () => k.mseBackward(y, x, t, 1 / n, 0, n),
      },
      'binary cross-entropy': {
        count: n,
        limit: ['2R', (at) => 2 * at.R],
        run: () => k.bceWithLogitsForward(x, t, ABSENT, ABSENT, n, 0, 1),
      },
    },
  };
}

const bench: Bench = {
  subject: 'Activations, losses, optimizers',
  scenes: (arena) => [() => lossScene(arena)],
  contest: {
    items: [
      {
        work: CROSS_ENTROPY,
        shape: SHAPE,
        unit: 'ns/element',
        count: ROWS * CLASSES,
        of: { n: ROWS, c: CLASSES },
        tolerance: 1e-4,
      },
    ],
    prepare: fromScene(lossScene),
  },
  goals: [
    {
      name: 'binary cross-entropy',
      ...{ must: 2, aim: 1.5, unit: 'ns' },
      why: 'an exponential, a logarithm and two divisions an element, about 75 instructions a vector. Four vectors side by side share the constants and hide the latency',
      of: ({ strict }) => values(strict, 'binary cross-entropy'),
    },
  ],
};
export default bench;
