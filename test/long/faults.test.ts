/** test/faults/memory.test.ts with faults at every allocation, at two of them, and at every k-th. */
import { describe, it } from 'vitest';
import { KINDS } from '../faults/models.ts';
import { expectSurvival, undisturbed } from '../faults/survival.ts';
import { TestRandom } from '../support/random.ts';

const PAIRS = 200;
const GROWTHS = 12;

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

describe.each(Object.entries(KINDS))('%s', (_, kind) => {
  it('survives each allocation that fails', async () => {
    const played = await undisturbed(kind);
    await expectSurvival(
      kind,
      played,
      upTo(played.total).map((call) => [call]),
    );
  });

  it('survives two allocations that fail', async () => {
    const played = await undisturbed(kind);
    const random = new TestRandom(3);
    const pairs = upTo(PAIRS).map(() => {
      const first = 1 + random.integer(played.total);
      // Calls are counted on after a fault: the second may be in the first phase that is tried again.
      return [first, first + 1 + random.integer(8)].filter((call) => call <= played.total);
    });
    await expectSurvival(kind, played, pairs);
  });

  it('survives if every k-th allocation fails', async () => {
    const played = await undisturbed(kind);
    const { total } = played;
    // A phase that takes k allocations would never succeed.
    const least = Math.max(...Object.values(played.calls)) + 1;
    const steps = upTo(total).filter((k) => k >= least);
    const points = steps.map((k) => upTo(Math.floor(total / k)).map((i) => i * k));
    await expectSurvival(kind, played, points);
  });

  it('survives memory that does not grow', async () => {
    const points = upTo(GROWTHS).map((call) => [call]);
    await expectSurvival(kind, await undisturbed(kind), points, 'grow');
  });
});
