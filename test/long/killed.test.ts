import { expect, it } from 'vitest';
import { killed } from '../state/killed/kill.ts';

it('a run that is killed 200 times loses nothing that was stored, and has the same bits', async () => {
  const { steps, halfWritten } = await killed(200, 2);
  expect(steps).toBeGreaterThan(100);
  expect(halfWritten).toBeGreaterThan(10);
});
