/**
 * Memory that cannot be had, from a model's construction to its training: the same call again succeeds, all
 * bits are those of an undisturbed run, and nothing leaks. Here at the first and the last allocation of each
 * phase; at every one in test/long/faults.test.ts.
 */
import { describe, it } from 'vitest';
import { KINDS } from './models.ts';
import { edgesOf, expectSurvival, undisturbed } from './survival.ts';

describe.each(Object.entries(KINDS))('%s', (_, kind) => {
  it('survives allocations that fail', async () => {
    const played = await undisturbed(kind);
    await expectSurvival(
      kind,
      played,
      edgesOf(played).map((call) => [call]),
    );
  });

  it('survives memory that does not grow', async () => {
    await expectSurvival(kind, await undisturbed(kind), [[1], [2, 3]], 'grow');
  });
});
