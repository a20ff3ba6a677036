/** Which file of assembly/ imports which. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesOf } from './cache.ts';
import { LISTS } from './modules.ts';

const IMPORTED = /\bfrom '(\.[^']*)'/g;

/** The files of that name: assembly/norm/rms.ts is `norm/rms`, `rms`, and with others `norm`. */
export function sourcesNamed(name: string): string[] {
  const part = `/${name.replace(/^(\.\/)?assembly\/|\.ts$|\/$/g, '')}`;
  return filesOf('assembly').filter(
    (path) => path.endsWith('.ts') && (path.endsWith(`${part}.ts`) || path.includes(`${part}/`)),
  );
}

/** The files of kernels among `sources` and among those that import them, directly or not. */
export function entriesOf(sources: readonly string[]): string[] {
  const kernels = new Set(LISTS.flatMap(importsOf));
  const skipped = [...LISTS, 'assembly/all.ts'];
  const imports = filesOf('assembly')
    .filter((path) => path.endsWith('.ts') && !skipped.includes(path))
    .map((path) => [path, importsOf(path)] as const);
  const found = new Set(sources);
  // A set's iteration reaches what is added on the way.
  for (const source of found) {
    for (const [path, imported] of imports) if (imported.includes(source)) found.add(path);
  }
  const entries = [...found].filter((path) => kernels.has(path));
  return entries.length > 0 ? entries : [...sources]; // a new file, that no list has yet
}

function importsOf(path: string): string[] {
  const found = [...readFileSync(path, 'utf8').matchAll(IMPORTED)];
  return found.map(([, name]) => `${join(dirname(path), name!)}.ts`);
}
