/** What a run leaves behind, and where its numbers come from. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import type { Row } from './scene.ts';

/** Where, when and how numbers were measured. */
export interface Origin {
  machine: { cpu: string; cores: number; node: string; v8: string; system: string };
  date: string;
  command: string;
  /** What a reader of the numbers should know. */
  note?: string;
}

export interface Run {
  origin: Origin;
  build: 'strict' | 'relaxed';
  rows: Row[];
}

/** This machine, now, and the command line of this process. */
export function originOf(command: string): Origin {
  const args = process.argv.slice(2);
  return {
    machine: machine(),
    date: new Date().toISOString(),
    command: [command, ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
  };
}

function machine(): Origin['machine'] {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    node: process.version,
    v8: process.versions.v8,
    system: `${process.platform} ${process.arch}`,
  };
}

export function writeJson(path: string, content: object): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${jsonText(content)}\n`);
}

/** JSON with one element of an array a line, so that a change shows as its row; figures to four digits. */
export function jsonText(value: unknown, indent = ''): string {
  if (Array.isArray(value)) {
    const lines = value.map((element) => `${indent} ${flat(element)}`);
    return lines.length > 0 ? `[\n${lines.join(',\n')}\n${indent}]` : '[]';
  }
  if (typeof value !== 'object' || value === null || !holdsArray(value)) return flat(value);
  const lines = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([key, member]) => `${indent} ${flat(key)}: ${jsonText(member, `${indent} `)}`);
  return `{\n${lines.join(',\n')}\n${indent}}`;
}

function holdsArray(value: object): boolean {
  return Object.values(value).some(
    (member) =>
      Array.isArray(member) ||
      (typeof member === 'object' && member !== null && holdsArray(member)),
  );
}

function flat(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'number' && !Number.isInteger(member)
      ? Number(member.toPrecision(4))
      : member,
  );
}

export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}
