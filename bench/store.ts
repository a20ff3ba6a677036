/** The stored numbers: bench/results/NAME.json has what is known of one benchmark. */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Everywhere } from './everywhere/report.ts';
import type { PeerRow } from './peers/row.ts';
import { type Origin, readJson, writeJson } from './record.ts';
import type { Row } from './scene.ts';

/** What can be measured apart from the rest. */
export const PARTS = ['strict', 'peers', 'relaxed', 'peers-relaxed', 'runtimes'] as const;
export type Part = (typeof PARTS)[number];

export interface Measurement<Line> {
  origin: Origin;
  rows: Line[];
}

/** One benchmark's numbers, by part. */
export interface Stored {
  strict?: Measurement<Row>;
  relaxed?: Measurement<Row>;
  peers?: Measurement<PeerRow>;
  'peers-relaxed'?: Measurement<PeerRow>;
}

const fileOf = (name: string) => fileURLToPath(new URL(`results/${name}.json`, import.meta.url));
const RUNTIMES = 'runtimes';

/** What is stored, by the benchmark's name. */
export function readStored(): Map<string, Stored> {
  const names = readdirSync(fileURLToPath(new URL('results/', import.meta.url)))
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -5))
    .filter((name) => name !== RUNTIMES)
    .sort();
  return new Map(names.map((name) => [name, readJson<Stored>(fileOf(name))]));
}

export function readRuntimes(): Everywhere | undefined {
  return existsSync(fileOf(RUNTIMES)) ? readJson<Everywhere>(fileOf(RUNTIMES)) : undefined;
}

/** Replaces a part of each benchmark that the run has rows of; what else is stored stays. */
export function store(
  part: Exclude<Part, 'runtimes'>,
  { origin, rows }: Measurement<Row> | Measurement<PeerRow>,
): string[] {
  const names = [...new Set(rows.map(({ group }) => group))];
  for (const name of names) {
    const file = fileOf(name);
    const stored = existsSync(file) ? readJson<Stored>(file) : {};
    const own = (rows as { group: string }[]).filter(({ group }) => group === name);
    writeJson(file, { ...stored, [part]: { origin, rows: own } });
  }
  return names;
}

export function storeRuntimes(found: Everywhere): void {
  writeJson(fileOf(RUNTIMES), found);
}
