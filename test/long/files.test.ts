import { it } from 'vitest';
import { readers } from '../fuzz/files/readers.ts';
import { runFiles } from '../fuzz/files/run.ts';

for (const reader of readers) {
  it(`${reader.name} reads or refuses 100,000 mutated files`, async () => {
    await runFiles(reader, 100_000, Math.floor(Math.random() * 2 ** 31));
  });
}
