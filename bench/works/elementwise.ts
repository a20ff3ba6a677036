/** Activations, losses and optimizers: ns an element, and the multiple of S, R or I over the same bytes. */
import { ABSENT, type Arena } from '../arena.ts';
import { memoryLoops, type Scene, type Work } from '../scene.ts';
import { CROSS_ENTROPY, PARAMETERS, UNARY_SIZE } from './shapes.ts';

const S: Work['limit'] = ['S', (t) => t.S];
const S2: Work['limit'] = ['S₂', (t) => t['S₂']];
const R: Work['limit'] = ['R', (t) => t.R];
const I: Work['limit'] = ['I', (t) => t.I];

export function activationScene(arena: Arena): Scene {
  const { kernels: k } = arena;
  const n = UNARY_SIZE;
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
    group: 'activation',
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
      elu: forward(() => k.eluForward(y, x, 1, 0, n)),
      gelu: forward(() => k.geluForward(y, x, 0, n)),
      'gelu backward': backward(() => k.geluBackward(y, x, dy, 0, n)),
      'gelu, tanh': forward(() => k.geluTanhForward(y, x, 0, n)),
      'softmax, 256 classes': softmax(256, 1, n / 256),
      'softmax, 64 channels': softmax(64, 64, n / 4096),
    },
  };
}

export function lossScene(arena: Arena): Scene {
  const { kernels: k } = arena;
  const { n: rows, c } = CROSS_ENTROPY;
  const n = rows * c;
  const [x, t, y, z] = [arena.floats(n, 1), arena.floats(n, 2), arena.floats(n), arena.floats(n)];
  const labels = arena.labels(rows, c);
  const crossEntropy = () => {
    k.crossEntropyForward(y, x, labels, ABSENT, c, 1, 0, -100, 0, rows);
    k.crossEntropyBackward(y, y, labels, ABSENT, c, 1, 0, -100, 1 / rows, 0, rows);
  };
  return {
    group: 'loss',
    shape: `[${rows}, ${c}]`,
    unit: 'ns/element',
    loops: memoryLoops(arena, n, { x, y: t, z }),
    works: {
      'cross-entropy, forward and backward': {
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
        limit: S2,
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

export function optimScene(arena: Arena): Scene {
  const { kernels: k } = arena;
  const n = PARAMETERS;
  const block = (seed: number) => arena.floats(n, seed);
  const [w, g, m, v, x, z] = [block(1), block(2), block(3), block(4), block(5), block(6)];
  const squares = arena.view(v, n);
  for (let i = 0; i < n; i++) squares[i] = Math.abs(squares[i]!);
  const scratch = arena.bytes(64);
  const work = (limit: Work['limit'], run: () => void): Work => ({ count: n, limit, run });
  return {
    group: 'optim',
    shape: `[${n}]`,
    unit: 'ns/element',
    loops: memoryLoops(arena, n, { x, y: g, z }),
    works: {
      SGD: work(['(R+I)', (t) => t.R + t.I], () => k.sgdStep(w, g, 1e-3, 0, 0, n)),
      'SGD, momentum': work(['(R+2I)', (t) => t.R + 2 * t.I], () =>
        k.sgdMomentumStep(w, m, g, 1e-3, 0.9, 0, 0, 0, 0, 0, n),
      ),
      Adam: work(['(R+3I)', (t) => t.R + 3 * t.I], () =>
        k.adamStep(w, m, v, ABSENT, g, 1e-3, 0.9, 0.999, 1e-8, 0, 0, 5, 0, n),
      ),
      RMSprop: work(['(R+2I)', (t) => t.R + 2 * t.I], () =>
        k.rmspropStep(w, v, ABSENT, ABSENT, g, 1e-3, 0.99, 1e-8, 0, 0, 0, n),
      ),
      'gradient norm': work(R, () => k.sumOfSquares(g, 0, n)),
      'moving average': work(['(R+I)', (t) => t.R + t.I], () => k.emaUpdate(x, w, 0.999, 0, n)),
      'scale in place': work(I, () => k.scaleInPlace(x, 1, 0, n)),
      dropout: work(S, () => k.dropout(x, g, 0.5, 2, 1, 0, 0, n, scratch)),
      'uniform draws': work(I, () => k.randomUniform(x, 0, 1, 1, 0, 0, n, scratch)),
      'normal draws': work(I, () => k.randomNormal(x, 0, 1, 1, 0, 0, n, scratch)),
    },
  };
}
