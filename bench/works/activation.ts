/** Activations: nanoseconds an element, and the multiple of S or S₂ over the same bytes. */
import type { Arena } from '../arena.ts';
import { type Bench, fromScene, values } from '../bench.ts';
import { memoryLoops, type Scene, type Work } from '../scene.ts';

const SIZE = 65_536;
const S: Work['limit'] = ['S', (t) => t.S];
const S2: Work['limit'] = ['S₂', (t) => t['S₂']];

function activationScene(arena: Arena): Scene {
  const { kernels: k } = arena;
  const n = SIZE;
  const [x, dy, y, z] = [arena.floats(n, 1), arena.floats(n, 2), arena.floats(n), arena.floats(n)];
  const values = arena.view(x, n);
  for (let i = 0; i < n; i++) values[i]! *= 8; // within ±4, where activations live
  const forward = (run: () => void): Work => ({ count: n, limit: S, run, results: [[y, n]] });
  const backward = (run: () => void): Work => ({ count: n, limit: S2, run });
  const softmax = (classes: number, inner: number, rows: number): Work => ({
    count: classes * inner * rows,
    limit: ['(R+S)', (t) => t.R + t.S],
    run: () => k.softmaxForward(y, x, classes, inner, 0, rows),
  });
  return {
    shape: `[${n}]`,
    unit: 'ns/element',
    loops: memoryLoops(arena, n, { x, y: dy, z }),
    works: {
      relu: forward(() => k.reluForward(y, x, 0, n)),
      'relu backward': backward(() => k.reluBackward(y, x, dy, 0, n)),
      exp: forward(() => k.expForward(y, x, 0, n)),
      log: forward(() => k.logForward(y, x, 0, n)),
      sigmoid: forward(() => k.sigmoidForward(y, x, 0, n)),
      'sigmoid backward': backward(() => k.sigmoidBackward(y, x, dy, 0, n)),
      tanh: forward(() => k.tanhForward(y, x, 0, n)),
      silu: forward(() => k.siluForward(y, x, 0, n)),
      elu: forward(() => k.eluForward(y, x, 1, 1, 0, n)),
      gelu: forward(() => k.geluForward(y, x, 0, n)),
      'gelu backward': backward(() => k.geluBackward(y, x, dy, 0, n)),
      'gelu, tanh': forward(() => k.geluTanhForward(y, x, 0, n)),
      'softmax, 256 classes': softmax(256, 1, n / 256),
      'softmax, 64 channels': softmax(64, 64, n / 4096),
    },
  };
}

/** The functions that every library has. */
const UNARY = ['exp', 'sigmoid', 'tanh'];

const bench: Bench = {
  subject: 'Activations, losses, optimizers',
  scenes: (arena) => [() => activationScene(arena)],
  contest: {
    items: UNARY.map((work) => ({
      work,
      shape: `[${SIZE}]`,
      unit: 'ns/element',
      count: SIZE,
      of: { n: SIZE },
      tolerance: 1e-5,
    })),
    prepare: fromScene(activationScene),
  },
  goals: [
    {
      name: 'exp, sigmoid and tanh, an element',
      ...{ must: 1.5, aim: 1, unit: 'ns' },
      of: ({ strict }) => UNARY.flatMap((work) => values(strict, work)),
    },
  ],
};
export default bench;
