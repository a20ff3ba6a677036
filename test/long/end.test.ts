/**
 * All tests of kernels and layers once more, with the kernels' arrays at the end of a memory that is as large
 * as it can be: an address beyond an array's end must not wrap to 0.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe } from 'vitest';

process.env.ARENA = 'high';

for (const folder of ['kernels', 'layers']) {
  for (const file of readdirSync(`test/${folder}`)) {
    const path = `test/${folder}/${file}`;
    if (!/kernelCase|Arena/.test(readFileSync(path, 'utf8'))) continue;
    describe(path, async () => {
      await import(`../${folder}/${file}`);
    });
  }
}
