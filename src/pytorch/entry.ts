/** How a class of layers is written. */
import type { Needs } from './helpers.ts';
import type { Doc } from './python.ts';

// biome-ignore lint/suspicious/noExplicitAny: a class with any constructor
export type Class<L> = abstract new (...args: any[]) => L;
type Write = (layer: never, needs: Needs) => Doc;
export type Entry = readonly [type: unknown, write: Write];

export const entry = <L>(type: Class<L>, write: (layer: L, needs: Needs) => Doc): Entry => [
  type,
  write as Write,
];
