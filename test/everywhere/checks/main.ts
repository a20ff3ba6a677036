/** The checks as a program: asked once, it answers with all that went wrong and the hash of the run. */
import * as evenkeel from 'evenkeel';
import * as data from 'evenkeel/data';
import { type Rounding, useRelaxed } from 'evenkeel/relaxed';
import { useThreads } from 'evenkeel/threads';
import ops from 'ops';
import { behaviour } from './behaviour.ts';
import { debugging } from './debugging.ts';
import { type Run, run } from './run.ts';
import { storing } from './storing.ts';
import { type ThreadsAnswer, threaded } from './threads.ts';

export interface Answer extends Run {
  passed: number;
  failures: string[];
}

/** How relaxed mode rounds, and what a run gave, alone and on threads if there are any; or why there is none. */
export type RelaxedAnswer = (Run & { rounding: Rounding; threaded: string }) | { refused: string };

export default async function main({
  relaxed,
  threads,
}: {
  relaxed: boolean;
  threads?: readonly number[];
}): Promise<Answer | RelaxedAnswer | ThreadsAnswer> {
  if (threads) return threaded(evenkeel, data, useThreads, threads);
  if (relaxed) {
    let rounding: Rounding;
    try {
      rounding = useRelaxed();
    } catch (error) {
      return { refused: (error as Error).message };
    }
    const alone = await run(evenkeel, data);
    const threads = await useThreads(3);
    const { hash } = await run(evenkeel, data);
    threads.close();
    return { ...alone, rounding, threaded: hash };
  }
  const checks = [...Object.values(ops).flat(), ...behaviour(), ...debugging(), ...storing()];
  const failures: string[] = [];
  for (const [name, body] of checks) {
    try {
      await body();
    } catch (error) {
      failures.push(`${name}: ${error}`);
    }
  }
  return { passed: checks.length - failures.length, failures, ...(await run(evenkeel, data)) };
}
