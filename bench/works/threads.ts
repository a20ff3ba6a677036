/** Training steps and batch norm on two threads, against the same on one in the same run. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench.ts';
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
}

const root = fileURLToPath(new URL('../..', import.meta.url));

function measureThreads({ rounds, milliseconds }: Effort): Measured[] {
  const program = ['--tsconfig', 'tsconfig.check.json', 'bench/threads/main.ts'];
  const effort = ['--rounds', `${rounds}`, '--ms', `${25 * milliseconds}`];
  const text = execFileSync('node_modules/.bin/tsx', [...program, ...effort], {
    cwd: root,
    encoding: 'utf8',
  });
  return (JSON.parse(text) as ThreadsRow[]).map(({ name, threads, several, ratio }) => {
    const at = name.indexOf(', ');
    return {
      work: `${name.slice(0, at)}, ${threads} threads`,
      shape: name.slice(at + 2),
      unit: 'ms',
      value: several,
      ratio: { of: '× faster than 1', ...ratio },
    };
  });
}

const bench: Bench = {
  subject: 'Networks',
  measure: (_, effort) => measureThreads(effort),
};
export default bench;
