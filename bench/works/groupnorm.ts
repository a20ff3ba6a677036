/** Group norm and, where every channel is a group, instance norm, against R + S and 2R + S₂. */
import type { Arena } from '../arena.ts';
import { memoryLoops, type Scene } from '../scene.ts';
import { GROUP_NORM, type GroupNormShape, groupNormName } from './shapes.ts';

export function groupNormScene(arena: Arena, shape: GroupNormShape): Scene {
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
  const saved = [arena.floats(all), arena.floats(all), arena.floats(all)] as const;
  const partial = arena.floats(n * 2 * c);
  const second = (partial + 4 * c) as typeof partial;
  const apart = arena.floats((c / groups) * s);
  const none = 0 as typeof x;
  const forward = () =>
    k.groupNormForward(y, ...saved, none, x, weight, bias, c, s, groups, 1e-5, 0, all);
  forward();
  return {
    group: 'groupnorm',
    shape: groupNormName(shape),
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
        // dWeight and dBias are added to.
        reset: () => {
          arena.view(dWeight, c).fill(0);
          arena.view(dBias, c).fill(0);
        },
        run: () => {
          k.groupNormBackward(dx, partial, ...saved, dy, x, weight, c, s, groups, 0, all, apart);
          k.sumChunks(dWeight, partial, n, 2 * c, 0, c);
          k.sumChunks(dBias, second, n, 2 * c, 0, c);
        },
        results: [[dx, size]],
      },
    },
  };
}

export function groupNormScenes(arena: Arena): (() => Scene)[] {
  return GROUP_NORM.map((shape) => () => groupNormScene(arena, shape));
}
