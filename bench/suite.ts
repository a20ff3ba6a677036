/** Finds the benchmarks: every file in bench/works is one. */
import { readdirSync } from 'node:fs';
import type { Bench } from './bench.ts';

const folder = new URL('works/', import.meta.url);

/** The benchmarks by name, in alphabetical order. */
export async function allBenches(): Promise<Map<string, Bench>> {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -3))
    .sort();
  const benches = await Promise.all(
    names.map(async (name) => {
      const { default: bench } = await import(`./works/${name}.ts`);
      return [name, bench as Bench] as const;
    }),
  );
  return new Map(benches);
}

/**
 * The names that `--only` asks for. A word is a name, or the end of one after a dash:
 * `variants` is `batchnorm-variants`.
 */
export function chosen(names: readonly string[], only: string | undefined): string[] {
  if (!only) return [...names];
  return only.split(',').flatMap((word) => {
    const found = names.filter((name) => name === word || name.endsWith(`-${word}`));
    if (found.length === 0) {
      throw new RangeError(`--only: no benchmark ${word}; there are ${names.join(', ')}`);
    }
    return found;
  });
}
