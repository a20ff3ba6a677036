import { checkInteger, unexpected } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import type { ThreadSource } from './spawn.ts';
import { begin, cores, type Running } from './start.ts';

/** The most threads. */
const MOST = 31;
/** Threads by default, if there are so many cores: beyond it, steps of usual size gain little. */
const USUAL = 8;
const GIB = 1_073_741_824;

export interface ThreadsOptions {
  /**
   * Bytes that linear memory may have, a gibibyte by default. Shared memory must say so in advance. If the
   * runtime refuses it, half of it is tried, and so on. What linear memory has already is kept.
   */
  maximum?: number;
  /**
   * Where the threads' script comes from, if the page's Content-Security-Policy does not allow Workers from
   * `blob:`. An address of `evenkeel/thread.js`, or a function that makes a Worker whose script imports it.
   */
  worker?: ThreadSource;
}

/** The threads that `useThreads` started. */
export interface Threads {
  /** How many threads there are, the caller's among them. */
  readonly count: number;
  /** Why there are fewer than asked for; undefined if there are not. */
  readonly reason: string | undefined;
  /** The bytes that linear memory may have from now on. */
  readonly maximum: number;
  /** Ends the other threads. Kernels then run on the caller alone, in the same memory. */
  close(): void;
  [Symbol.dispose](): void;
}

let turn: Promise<unknown> = Promise.resolve();
let current: Running | undefined;

/**
 * Runs the kernels on n threads, the caller's among them. Everything else stays as it is: the interface is
 * synchronous, models that exist keep working, and results have the same bits.
 *
 * ```ts
 * import { useThreads } from 'evenkeel/threads';
 *
 * const threads = await useThreads(); // all cores, at most 8
 * console.log(threads.count, threads.reason);
 * ```
 *
 * Calls of kernels that take less than some microseconds stay on the caller. Linear memory becomes shared
 * memory: do not keep `kernels()` or `memory()` of `evenkeel/kernels` across the call. A second call
 * replaces the threads of the first. The process ends without `close()`.
 *
 * Where there are no threads (a page without cross-origin isolation, Cloudflare Workers, edge functions), the
 * result has a `count` of 1 and a `reason`, and nothing has changed.
 *
 * @param n how many threads, from 1 to 31; by default as many as there are cores, at most 8
 * @throws TypeError if n is not a number, or an option has another kind
 * @throws RangeError if n or `maximum` is out of range
 */
export function useThreads(n?: number, ...options: [options?: ThreadsOptions]): Promise<Threads> {
  const next = turn.then(async () => {
    if (n !== undefined) checkInteger('useThreads', 'n', n, 1, MOST);
    const given = optionsOf<ThreadsOptions>('useThreads', options, {
      maximum: GIB,
      worker: undefined,
    });
    const { maximum, worker } = given;
    checkInteger('useThreads', 'maximum', maximum, 65_536, 65_535 * 65_536);
    if (worker !== undefined && !isSource(worker)) {
      throw unexpected('useThreads: worker', 'a URL, or a function that makes a Worker', worker);
    }
    const available = await cores();
    current?.close();
    current = await begin(n ?? Math.min(available, USUAL), available, maximum, worker);
    return handle(current);
  });
  turn = next.catch(() => {});
  return next;
}

function isSource(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'function' || value instanceof URL;
}

function handle(running: Running): Threads {
  const close = () => {
    running.close();
    if (current === running) current = undefined;
  };
  return {
    get count() {
      return running.count;
    },
    get reason() {
      return running.reason;
    },
    maximum: running.maximum,
    close,
    [Symbol.dispose]: close,
  };
}
