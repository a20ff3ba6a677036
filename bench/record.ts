/** What a run leaves behind. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import type { Row } from './scene.ts';

export interface Run {
  machine: { cpu: string; cores: number; node: string; v8: string; system: string };
  date: string;
  command: string;
  build: 'strict' | 'relaxed';
  rows: Row[];
}

export function machine(): Run['machine'] {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    node: process.version,
    v8: process.versions.v8,
    system: `${process.platform} ${process.arch}`,
  };
}

export function writeJson(path: string, content: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(content, null, 1)}\n`);
}

export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}
