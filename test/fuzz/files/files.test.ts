import { expect, it } from 'vitest';
import { readers } from './readers.ts';
import { runFiles } from './run.ts';

for (const reader of readers) {
  it(`${reader.name} reads or refuses 2,000 mutated files, and refusing changes nothing`, async () => {
    const { read, refused } = await runFiles(reader, 2000, 1);
    if (process.env.FUZZ_FILE) return;
    expect(read).toBeGreaterThan(0); // some changes leave a valid file
    expect(refused).toBeGreaterThan(read / 10);
  }, 180_000);
}
