/**
 * Paints in small pieces, so that the page never blocks: each frame takes pieces of work from a queue until
 * its time is up. A piece that is asked for again before it was done takes the place of the old one.
 */

/** Milliseconds of a frame that painting may take. */
const BUDGET = 6;

const queue = new Map<unknown, Work>();
let scheduled = false;

/** A piece of work. After one that says 'enough', the frame ends whatever time is left. */
export type Work = () => unknown;

/** Does `work` in one of the next frames. `key` tells which earlier work it replaces. */
export function paint(key: unknown, work: Work): void {
  queue.set(key, work);
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(frame);
}

function frame(): void {
  const end = performance.now() + BUDGET;
  for (const [key, work] of queue) {
    queue.delete(key);
    if (work() === 'enough' || performance.now() >= end) break;
  }
  scheduled = queue.size > 0;
  if (scheduled) requestAnimationFrame(frame);
}
