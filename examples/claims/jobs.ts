/** Computes runs in several processes at once. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Result, Run } from './experiment.ts';

export interface Request {
  readonly key: string;
  readonly run: Run;
}

export interface Answer {
  readonly ready?: true;
  /** The share of the run that is done. */
  readonly share?: number;
  readonly result?: Result;
  readonly error?: string;
}

export interface Listener {
  /** Shares of the runs that are being computed, summed. */
  progress(doneAndPart: number): void;
  result(request: Request, result: Result): void;
}

const JOB = fileURLToPath(new URL('job.ts', import.meta.url));

/**
 * Computes all requests, `count` at a time, in order.
 *
 * @param data a folder of MNIST-style files; the shipped images if undefined
 * @throws Error if a run fails, with its message
 */
export function compute(
  requests: readonly Request[],
  count: number,
  data: string | undefined,
  listener: Listener,
): Promise<void> {
  const waiting = [...requests];
  const shares = new Map<ChildProcess, number>();
  let done = 0;
  return new Promise((resolve, reject) => {
    const children: ChildProcess[] = [];
    const fail = (message: string): void => {
      for (const child of children) child.kill();
      reject(new Error(message));
    };
    const report = (): void => {
      listener.progress(done + [...shares.values()].reduce((sum, share) => sum + share, 0));
    };
    for (let i = 0; i < Math.min(count, requests.length); i++) {
      const child = fork(JOB, data ? [data] : [], { execArgv: ['--import', 'tsx'] });
      children.push(child);
      let current: Request | undefined;
      const next = (): void => {
        shares.delete(child);
        current = waiting.shift();
        if (current) child.send(current);
        else child.disconnect();
        if (done === requests.length) resolve();
      };
      child.on('message', ({ ready, share, result, error }: Answer) => {
        if (error) return fail(error);
        if (share !== undefined) shares.set(child, share);
        if (result) {
          done++;
          listener.result(current!, result);
        }
        if (ready || result) next();
        report();
        return undefined;
      });
      child.on('exit', (code, signal) => {
        if (current || code !== 0) fail(`a process ended (${signal ?? `exit code ${code}`})`);
      });
    }
    if (requests.length === 0) resolve();
  });
}
