import type { Use } from '../graph/node.ts';
import { kernels } from '../runtime/engine.ts';

/** The gradient of a view: dx = dy, if the two do not share their bytes. */
export function copyGradient(use: Use): void {
  const { dx, dy } = use;
  const n = use.output.slot.length;
  if (dx && dx !== dy) kernels().copyRows(dx, dy, 1, n, n, n);
}
