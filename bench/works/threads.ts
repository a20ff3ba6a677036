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

/** 10 MB a tensor, beyond the second-level caches of two cores. */
const LARGE = '[100, 32, 28, 28]';

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
      of: of('step, 2 threads', 'cnn'),
    },
    {
      name: 'MLP step, 2 threads, times as fast as 1',
      ...{ must: 1.6, aim: 1.75, unit: '×', more: true },
      of: of('step, 2 threads', 'mlp'),
    },
    {
      name: 'ResNet-20 step, 2 threads, times as fast as 1',
      ...{ must: 1.85, aim: 1.85, unit: '×', more: true },
      of: of('step, 2 threads', 'ResNet-20'),
    },
    {
      name: 'batch norm forward and backward, 2 threads, in cache, times as fast as 1',
      ...{ must: 1.7, aim: 1.7, unit: '×', more: true },
      of: ({ strict }) =>
        ratios(
          strict,
          'batch norm forward and backward, 2 threads',
          ({ shape }) => shape !== LARGE,
        ),
    },
    {
      name: 'CNN step, 2 threads, × PyTorch with 2',
      ...{ must: 1.5, aim: 1.5, unit: '×' },
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
