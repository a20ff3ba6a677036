/** Every runtime that the suites know. */
import { browsers } from './browsers.ts';
import { edge } from './edge.ts';
import { arm64, bun, deno, node } from './processes.ts';
import type { Runtime } from './runtime.ts';
import { miniflare, workerd } from './workerd.ts';

export const RUNTIMES: readonly Runtime[] = [
  ...[20, 24, 26].map((major) => node(major)),
  ...[arm64, deno, bun, workerd, miniflare, edge],
  ...browsers,
];

/** Those whose names contain one of the words, all where none is given. */
export function chosen(words: readonly string[]): Runtime[] {
  const found = RUNTIMES.filter(
    ({ name }) =>
      words.length === 0 || words.some((w) => name.toLowerCase().includes(w.toLowerCase())),
  );
  if (found.length > 0) return found;
  throw new Error(
    `no runtime of that name; there are ${RUNTIMES.map(({ name }) => name).join(', ')}`,
  );
}
