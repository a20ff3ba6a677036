/**
 * A fresh Node process: from the import of the built package to the first result of BatchNorm1d(100) on
 * [128, 100], and its parts. In turn with it, the import of an empty module, which Node itself takes.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Bench, values } from '../bench.ts';
import { type Effort, statistic } from '../measure.ts';
import type { Measured } from '../scene.ts';

const FIRST_RESULT = `
const data = Float32Array.from({ length: 12800 }, (_, i) => i % 7);
const start = performance.now();
const { BatchNorm1d } = await import(process.argv[1]);
const imported = performance.now();
const norm = new BatchNorm1d(100);
const made = performance.now();
norm.forward({ data, shape: [128, 100] }).toArray();
const done = performance.now();
console.log(JSON.stringify([done - start, imported - start, made - imported, done - made]));`;

const EMPTY = `
const start = performance.now();
await import('data:text/javascript,export default 1');
console.log(JSON.stringify([performance.now() - start]));`;

const PARTS = ['import to first result', 'import', 'kernels start', 'first forward'];

function milliseconds(program: string, ...args: string[]): number[] {
  const options = ['--input-type=module', '-e', program, ...args];
  return JSON.parse(execFileSync(process.execPath, options, { encoding: 'utf8' })) as number[];
}

function measureStartup({ rounds }: Effort): Measured[] {
  const entry = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
  if (!existsSync(entry)) {
    throw new Error('startup: dist/index.js expected, not found; run npm run build');
  }
  const times: Record<string, number[]> = {};
  for (let i = 0; i < rounds; i++) {
    const parts = milliseconds(FIRST_RESULT, entry);
    PARTS.forEach((part, at) => {
      (times[part] ??= []).push(parts[at]!);
    });
    (times['empty import'] ??= []).push(milliseconds(EMPTY)[0]!);
  }
  return Object.entries(times).map(([work, of]) => ({
    work,
    shape: 'BatchNorm1d(100) on [128, 100]',
    unit: 'ms',
    value: statistic(of),
  }));
}

const bench: Bench = {
  subject: 'Package',
  measure: (_, effort) => measureStartup(effort),
  shown: [],
  goals: [
    {
      name: 'fresh process: import to the first result of BatchNorm1d(100)',
      ...{ must: 15, aim: 6, unit: 'ms' },
      why: 'about half is Node opening the files of dist; a third is unpacking and instantiating the kernels; the rest is first calls, before V8 optimises them',
      of: ({ strict }) => values(strict, 'import to first result'),
    },
  ],
};
export default bench;
