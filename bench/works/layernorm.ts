/** Layer norm and RMS norm forward and backward, as multiples of memory.copy and of 2R + S₂. */
import type { Arena } from '../arena.ts';
import { memoryLoops, type Scene, type Work } from '../scene.ts';
import { LAYER_NORM, type RowsShape, rowsName } from './shapes.ts';

export function layerNormScene(arena: Arena, shape: RowsShape): Scene {
  const { kernels: k } = arena;
  const { n, d } = shape;
  const size = n * d;
  const [x, dy, y] = [arena.floats(size, 1), arena.floats(size, 2), arena.floats(size)];
  const [dx, z] = [arena.floats(size), arena.floats(size)];
  const [weight, bias] = [arena.floats(d, 3), arena.floats(d, 4)];
  const [dWeight, dBias, apart] = [arena.floats(d), arena.floats(d), arena.floats(d)];
  const saved = [arena.floats(n), arena.floats(n), arena.floats(n)] as const;
  const invRms = arena.floats(n);
  const chunks = Math.ceil(n / 256);
  const partial = arena.floats(chunks * 2 * d);
  const second = (partial + 4 * d) as typeof partial;
  const forward = (run: () => void): Work => {
    run();
    return { count: size, limit: ['copy', (t) => t.copy], run, results: [[y, size]] };
  };
  const backward = (run: () => void): Work => ({
    count: size,
    limit: ['(2R+S₂)', (t) => 2 * t.R + t['S₂']],
    // dWeight and dBias are added to.
    reset: () => {
      arena.view(dWeight, d).fill(0);
      arena.view(dBias, d).fill(0);
    },
    run,
    results: [[dx, size]],
  });
  return {
    group: 'layernorm',
    shape: rowsName(shape),
    unit: 'ns/element',
    loops: memoryLoops(arena, size, { x, y: dy, z }),
    works: {
      forward: forward(() => k.layerNormForward(y, ...saved, x, weight, bias, d, d, 1e-5, 0, n)),
      backward: backward(() => {
        k.layerNormBackward(dx, partial, ...saved, dy, x, weight, d, d, 0, n, apart);
        k.sumChunks(dWeight, partial, chunks, 2 * d, 0, d);
        k.sumChunks(dBias, second, chunks, 2 * d, 0, d);
      }),
      'RMS forward': forward(() => k.rmsNormForward(y, invRms, x, weight, d, 1e-5, 0, n)),
      'RMS backward': backward(() => {
        k.rmsNormBackward(dx, partial, invRms, dy, x, weight, d, 0, n);
        k.sumChunks(dWeight, partial, chunks, d, 0, d);
      }),
    },
  };
}

export function layerNormScenes(arena: Arena): (() => Scene)[] {
  return LAYER_NORM.map((shape) => () => layerNormScene(arena, shape));
}
