/** Local response norm, and the norm of a weight's rows, as multiples of 2R + S₂ and of R + S. */
import type { Arena } from '../arena.ts';
import { memoryLoops, type Scene } from '../scene.ts';
import {
  LOCAL_RESPONSE_NORM,
  localResponseNormName,
  WEIGHT_NORM,
  weightNormName,
} from './shapes.ts';

export function localResponseNormScene(
  arena: Arena,
  { n, c, size: side, window }: (typeof LOCAL_RESPONSE_NORM)[number],
): Scene {
  const { kernels: k } = arena;
  const s = side * side;
  const size = n * c * s;
  const [x, dy, y] = [arena.floats(size, 1), arena.floats(size, 2), arena.floats(size)];
  const [t, dx] = [arena.floats(size), arena.floats(size)];
  const ratios = arena.floats(4 * (c + window));
  const share = 1e-4 / window;
  const forward = () => k.localResponseNormForward(y, t, x, c, s, window, share, 0.75, 1, 0, n);
  forward();
  return {
    group: 'localresponsenorm',
    shape: localResponseNormName({ n, c, size: side, window }),
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
        run: () =>
          k.localResponseNormBackward(dx, t, y, dy, x, c, s, window, share, 0.75, 0, n, ratios),
        results: [[dx, size]],
      },
    },
  };
}

export function weightNormScene(arena: Arena, { rows, cols }: (typeof WEIGHT_NORM)[number]): Scene {
  const { kernels: k } = arena;
  const size = rows * cols;
  const [v, dw, w, dv] = [1, 2, 3, 4].map((seed) => arena.floats(size, seed));
  const [g, dg, norm] = [5, 6, 7].map((seed) => arena.floats(rows, seed));
  const forward = () => k.weightNormForward(w!, norm!, v!, g!, cols, 0, rows);
  forward();
  return {
    group: 'weightnorm',
    shape: weightNormName({ rows, cols }),
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
        // dg and dv are added to.
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

export function rareNormScenes(arena: Arena): (() => Scene)[] {
  return [
    ...LOCAL_RESPONSE_NORM.map((shape) => () => localResponseNormScene(arena, shape)),
    ...WEIGHT_NORM.map((shape) => () => weightNormScene(arena, shape)),
  ];
}
