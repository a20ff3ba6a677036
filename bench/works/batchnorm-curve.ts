/** Batch norm from 1 element to 10⁷: whether the cost stays linear. */
import type { Arena } from '../arena.ts';
import type { Bench } from '../bench.ts';
import type { Scene } from '../scene.ts';
import { type BatchNormShape, batchNormScene } from './batchnorm.ts';

function curveScenes(arena: Arena): (() => Scene)[] {
  const scenes: (() => Scene)[] = [];
  for (let size = 1; size <= 1e7; size *= 10) {
    // Up to 100 channels, of up to 10⁵ positions each.
    const c = Math.min(100, Math.max(1, Math.floor(Math.sqrt(size))));
    const m = Math.floor(size / c);
    for (const layout of ['rows', 'NCHW'] as const) {
      const n = layout === 'rows' ? m : m % 10 ? 1 : Math.min(10, m);
      const s = m / n;
      const name = layout === 'rows' ? `rows [${m}, ${c}]` : `NCHW [${n}, ${c}, ${s}]`;
      const shape: BatchNormShape = { layout, n, c, s: layout === 'rows' ? 1 : s, name };
      scenes.push(() => {
        const scene = batchNormScene(arena, shape);
        const { forward, inference, backward } = scene.works;
        return {
          ...scene,
          works: { forward, inference, backward } as typeof scene.works,
        };
      });
    }
  }
  return scenes;
}

const bench: Bench = { subject: 'Batch norm', shown: [], scenes: curveScenes };
export default bench;
