/** All results of a computation and its conditions, as a file from which the report can be drawn again. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from './experiment.ts';
import { EXPERIMENTS } from './experiments/index.ts';
import { type Chapter, fileOf, reportOf } from './report.ts';
import { rounded } from './store.ts';

export interface Record {
  readonly conditions: Readonly<{ [name: string]: string }>;
  /** The results of each experiment, by its letter. */
  readonly results: Readonly<{ [key: string]: readonly Result[] }>;
}

export function readRecord(file: string): Record {
  return JSON.parse(readFileSync(file, 'utf8'));
}

export function chaptersOf({ results }: Record): Chapter[] {
  return EXPERIMENTS.flatMap((experiment) => {
    const found = results[experiment.key];
    return found ? [{ experiment, results: found }] : [];
  });
}

/** Writes results.json, index.html and the figures. */
export function write(record: Record, out: string): void {
  mkdirSync(out, { recursive: true });
  const { html, figures } = reportOf(chaptersOf(record), record.conditions);
  for (const figure of figures)
    writeFileSync(join(out, `${figure.name}.svg`), `${fileOf(figure)}\n`);
  writeFileSync(join(out, 'index.html'), html);
  writeFileSync(join(out, 'results.json'), `${JSON.stringify(record, rounded)}\n`);
}
