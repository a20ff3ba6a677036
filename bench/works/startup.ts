/**
 * A fresh process: from before the import of the built package to the first result of BatchNorm1d(100)
 * on [128, 100].
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Effort, statistic } from '../measure.ts';
import type { Row } from '../scene.ts';

const PROGRAM = `
const data = Float32Array.from({ length: 12800 }, (_, i) => i % 7);
const began = performance.now();
const { BatchNorm1d } = await import(process.argv[1]);
new BatchNorm1d(100).forward({ data, shape: [128, 100] }).toArray();
console.log(performance.now() - began);`;

export function measureStartup({ rounds }: Effort): Row[] {
  const entry = new URL('../../dist/index.js', import.meta.url);
  if (!existsSync(entry))
    throw new Error('start-up measures dist/, which is missing: npm run build');
  const times = Array.from({ length: rounds }, () =>
    Number(
      execFileSync(process.execPath, ['--input-type=module', '-e', PROGRAM, fileURLToPath(entry)], {
        encoding: 'utf8',
      }),
    ),
  );
  return [
    {
      group: 'startup',
      work: 'import to first result',
      shape: 'BatchNorm1d(100) on [128, 100]',
      unit: 'ms',
      value: statistic(times),
    },
  ];
}
