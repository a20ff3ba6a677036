/** examples/distributed: a model from here, trained by PyTorch in two processes, and back. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { roundTrip } from '../../examples/distributed/main.ts';

const data = fileURLToPath(new URL('../../data/fashion-mnist', import.meta.url));

it('a model that two processes of PyTorch trained comes back with the accuracy that PyTorch reports', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'distributed-'));
  try {
    const options = { samples: 4000, python: '/usr/bin/python3' };
    const { reported, measured, trained } = await roundTrip(folder, data, options);
    expect(reported).toBeGreaterThan(0.6);
    // 2,000 images: one that stands on the line between two classes may fall on either side.
    expect(Math.abs(measured - reported)).toBeLessThan(1.5 / 2000);
    expect(trained.stateDict()['1.num_batches_tracked']!.item()).toBe(2 * Math.floor(2000 / 64));
    trained.dispose();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
