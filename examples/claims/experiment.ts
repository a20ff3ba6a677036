/** What an experiment is: runs that can be computed apart from each other, and what follows from their results. */
import type { Data } from '../train/images.ts';

/** How much is computed: all of it, or so little that it ends in three minutes. */
export interface Setting {
  readonly name: 'full' | 'quick';
  readonly seeds: readonly number[];
  /** The number of training steps, given that of the full setting. */
  steps(full: number): number;
  /** The values of a series, given those of the full setting: all, or the first, the middle and the last. */
  some<T>(full: readonly T[]): readonly T[];
}

export const FULL: Setting = {
  name: 'full',
  seeds: [1, 2, 3],
  steps: (full) => full,
  some: (full) => full,
};

export const QUICK: Setting = {
  name: 'quick',
  seeds: [1],
  steps: (full) => Math.max(60, Math.round(full / 20)),
  some: (full) => [...new Set([0, (full.length - 1) >> 1, full.length - 1])].map((i) => full[i]!),
};

export type Value = string | number | boolean | null;

/** One training: everything that its result depends on. */
export type Run = Readonly<Record<string, Value>> & { readonly seed: number };

/** A point of a curve. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** What a run measured, as JSON. */
export interface Measured {
  readonly numbers?: Readonly<Record<string, number | null>>;
  readonly curves?: Readonly<Record<string, readonly Point[]>>;
  readonly tables?: Readonly<Record<string, readonly Readonly<Record<string, Value>>[]>>;
}

export interface Result {
  readonly run: Run;
  readonly measured: Measured;
  /** Seconds that it took. */
  readonly seconds: number;
}

export interface Verdict {
  readonly holds: 'holds' | 'holds in part' | 'does not hold';
  /** The figures that say so. */
  readonly because: string;
}

export interface Figure {
  readonly name: string;
  readonly caption: string;
  readonly svg: string;
}

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Experiment {
  /** One letter. */
  readonly key: string;
  readonly title: string;
  /** The claim in one sentence. */
  readonly claim: string;
  /** What is done: networks, data, steps. */
  readonly method: string;
  /** Figures that others published, for context. */
  readonly context?: string;
  runs(setting: Setting): Run[];
  measure(run: Run, data: Data, tell: (share: number) => void): Measured;
  table(results: readonly Result[]): Table;
  figures(results: readonly Result[]): Figure[];
  judge(results: readonly Result[]): Verdict;
}

/** All combinations of these values, in order: the last name changes fastest. */
export function product(axes: Readonly<Record<string, readonly Value[]>>): Run[] {
  let runs: Record<string, Value>[] = [{}];
  for (const [name, values] of Object.entries(axes)) {
    runs = runs.flatMap((run) => values.map((value) => ({ ...run, [name]: value })));
  }
  return runs as Run[];
}
