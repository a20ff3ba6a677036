/** Plays scripts with faults, and compares them with the undisturbed run. */
import { expect } from 'vitest';
import { collected, fillMemory, Injector, type Place } from './faults.ts';
import type { Kind } from './models.ts';
import { type Played, play, used } from './script.ts';

/** The undisturbed run, whose allocations are then counted; what is made once for all models is made before. */
export async function undisturbed(kind: Kind): Promise<Played & { readonly total: number }> {
  await play(kind, 'allocate');
  const played = await play(kind, 'allocate');
  return { ...played, total: Object.values(played.calls).reduce((a, b) => a + b) };
}

/** The number of the first and of the last call in each phase. */
export function edgesOf({ calls }: Played): number[] {
  const edges = new Set<number>();
  let at = 0;
  for (const count of Object.values(calls)) {
    if (count > 0) edges.add(at + 1).add(at + count);
    at += count;
  }
  return [...edges];
}

/**
 * Plays a kind's script with faults at each of `points`: sets of numbers of calls. Each phase that failed must
 * succeed when it is tried again, with the bits of the undisturbed run, and nothing may leak.
 */
export async function expectSurvival(
  kind: Kind,
  expected: Played,
  points: readonly (readonly number[])[],
  place: Place = 'allocate',
): Promise<void> {
  const before = used();
  let fired = 0;
  for (const at of points) {
    const start = used();
    const ballast = place === 'grow' ? fillMemory() : [];
    const injector = new Injector(new Set(at));
    const { bits, failed } = await play(kind, place, injector);
    for (const block of ballast) block.release();
    const where = `a fault at ${at}, in ${failed.map(({ name }) => name).join(' and ')}`;
    if (place === 'allocate') expect(injector.fired, `faults at ${at}`).toBe(at.length);
    fired += injector.fired;
    for (const [name, left] of Object.entries(expected.bits)) {
      expect(bits[name], `${name} after ${where}`).toEqual(left);
    }
    if (failed.every(({ drops }) => !drops)) {
      expect(used(), `bytes allocated after ${where}`).toBeLessThanOrEqual(start);
    }
  }
  expect(fired).toBeGreaterThan(0);
  expect(await collected(before)).toBeLessThanOrEqual(before);
}
