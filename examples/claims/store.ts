/** Results on disk, one file for each run, so that what was computed is not computed again. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Result, Run } from './experiment.ts';

export class Store {
  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true });
  }

  /** Forgets all results. */
  clear(): void {
    rmSync(this.folder, { recursive: true });
    mkdirSync(this.folder, { recursive: true });
  }

  get(key: string, run: Run): Result | undefined {
    const file = this.fileOf(key, run);
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
  }

  set(key: string, result: Result): void {
    const file = this.fileOf(key, result.run);
    writeFileSync(`${file}.part`, JSON.stringify(result, rounded));
    renameSync(`${file}.part`, file);
  }

  private fileOf(key: string, run: Run): string {
    const hash = createHash('sha256').update(JSON.stringify(run)).digest('hex').slice(0, 12);
    return join(this.folder, `${key}-${hash}.json`);
  }
}

/** Numbers with five digits: what a chart and a table need. */
export function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value)
    ? Number(value.toPrecision(5))
    : value;
}
