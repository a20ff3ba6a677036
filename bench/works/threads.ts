/** Training steps and batch norm on two threads, against the same on one in the same run. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Bench, type Goal, ratios } from '../bench.ts';
import type { Effort, Statistic } from '../measure.ts';
import type { Measured } from '../scene.ts';

/** What bench/threads/main.ts prints: milliseconds, and how often one thread's time holds the others'. */
export interface ThreadsRow {
  name: string;
  threads: number;
  rounds: number;
  one: Statistic;
  several: Statistic;
  ratio: Statistic;
  /** Our time on several threads as a share of PyTorch's on as many. */
  torch?: Statistic;
}

/** Tensors of 8 and 10 MB: x, dy, y and dx together are beyond the last-level cache. */
const LARGE = ['[4096, 512]', '[100, 32, 28, 28]'];

const root = fileURLToPath(new URL('../..', import.meta.url));

function measureThreads({ rounds, milliseconds }: Effort): Measured[] {
  const program = ['--tsconfig', 'tsconfig.check.json', 'bench/threads/main.ts'];
  const effort = ['--rounds', `${rounds}`, '--ms', `${25 * milliseconds}`];
  const text = execFileSync(
    'node_modules/.bin/tsx',
    [...program, ...effort, '--quiet', '--torch'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  return (JSON.parse(text) as ThreadsRow[]).flatMap(({ name, threads, several, ratio, torch }) => {
    const at = name.indexOf(', ');
    const work = `${name.slice(0, at)}, ${threads} threads`;
    const row = { shape: name.slice(at + 2), unit: 'ms' as const, value: several };
    const rows: Measured[] = [{ ...row, work, ratio: { of: '× faster than 1', ...ratio } }];
    if (torch) {
      rows.push({
        ...row,
        work: `${work}, beside PyTorch`,
        ratio: { of: '× PyTorch, as many threads', ...torch },
      });
    }
    return rows;
  });
}

const of =
  (work: string, shape: string): Goal['of'] =>
  ({ strict }) =>
    ratios(strict, work, (row) => row.shape.startsWith(shape));

const bench: Bench = {
  subject: 'Networks',
  measure: (_, effort) => measureThreads(effort),
  goals: [
    {
      name: 'CNN step, 2 threads, times as fast as 1',
      ...{ must: 1.85, aim: 1.95, unit: '×', more: true },
      why: 'quiet runs of one day gave 1.75 to 1.86. Convolutions reach 1.9, products 1.8; sums of batch norm 1.1, because one core reads what the other has just written',
      of: of('step, 2 threads', 'cnn'),
    },
    {
      name: 'MLP step, 2 threads, times as fast as 1',
      ...{ must: 1.6, aim: 1.75, unit: '×', more: true },
      why: 'runs gave 1.34 to 1.6: most calls take 10 to 100 µs, and a division costs some microseconds',
      of: of('step, 2 threads', 'mlp'),
    },
    {
      name: 'ResNet-20 step, 2 threads, times as fast as 1',
      ...{ must: 1.85, aim: 1.85, unit: '×', more: true },
      why: 'runs gave 1.27 to 1.75. Its shortcut is a layer in JavaScript, and batch norm and the sums of blocks move 4 MB each; how much each takes was not measured',
      of: of('step, 2 threads', 'ResNet-20'),
    },
    {
      name: 'batch norm forward and backward, 2 threads, in cache, times as fast as 1',
      ...{ must: 1.7, aim: 1.7, unit: '×', more: true },
      why: 'rows: the sums are divided by channels and the rest by samples, so that half of the numbers come from the cache of the other core. Images reach 1.8',
      of: ({ strict }) =>
        ratios(
          strict,
          'batch norm forward and backward, 2 threads',
          ({ shape }) => !LARGE.includes(shape),
        ),
    },
    {
      name: 'CNN step, 2 threads, × PyTorch with 2',
      ...{ must: 1.5, aim: 1.5, unit: '×' },
      why: 'quiet runs of one day gave 1.45 to 1.74; with one thread it is 1.66',
      of: of('step, 2 threads, beside PyTorch', 'cnn'),
    },
    {
      name: 'MLP step, 2 threads, × PyTorch with 2',
      ...{ must: 1.1, aim: 1.1, unit: '×' },
      of: of('step, 2 threads, beside PyTorch', 'mlp'),
    },
  ],
};
export default bench;
