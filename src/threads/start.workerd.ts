/** Threads in workerd, which has none. */
import type { Running } from './start.ts';

export type { Running, Start } from './start.ts';

export async function cores(): Promise<number> {
  return 1;
}

export function alone(reason?: string): Running {
  return { count: 1, reason, maximum: 0, close: () => {} };
}

export async function begin(): Promise<Running> {
  return alone('this runtime has no Workers');
}
