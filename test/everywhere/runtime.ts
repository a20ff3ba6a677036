/** What the suites know of a runtime: it is opened with a program, and answers requests. */
import { execFileSync } from 'node:child_process';
import type { Rounding } from '../../src/relaxed/index.ts';
import type { Program } from './program.ts';

export interface Runtime {
  readonly name: string;
  /** How its relaxed SIMD rounds on a processor with fused multiply-add; undefined if it has none. */
  readonly relaxed?: Rounding;
  /** Whether an emulator runs it, whose times mean nothing, on a processor that has fused multiply-add. */
  readonly emulated?: boolean;
  /** Whether it has Workers that share memory. */
  readonly threads?: boolean;
  /** Starts the program. @throws Missing where the runtime is not to be had */
  open(program: Program): Promise<Session>;
}

export interface Session {
  readonly version: string;
  /** What the program's `run` answers; it is as fresh as the runtime at the first call. */
  ask(request: unknown): Promise<unknown>;
  close(): Promise<void> | void;
}

/** A runtime that is not on this machine, with the way to have it. */
export class Missing extends Error {}

/** The version that a command prints. */
export function versionOf(command: string, ...args: string[]): string {
  const text = execFileSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return text.match(/\d+(\.\d+)+|\d{4}-\d\d-\d\d/)?.[0] ?? text.trim();
}

/** A promise, or an error once `seconds` have gone by. */
export function within<T>(seconds: number, what: string, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${what}: no answer in ${seconds} s`)),
      1000 * seconds,
    );
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Patience with one request. */
export const PATIENCE = 240;

/** An answer as hosts send it. */
export type Reply = { value: unknown } | { error: string };

export function opened(reply: Reply): unknown {
  if ('error' in reply) throw new Error(reply.error);
  return reply.value;
}
