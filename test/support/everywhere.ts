/**
 * What vitest puts in the place of the names `goldens` and `ops`, which test/everywhere/program.ts makes for
 * the bundles of other runtimes.
 */
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vitest/config';

const folder = (path: string) => fileURLToPath(new URL(`../${path}/`, import.meta.url));

export function everywhere(): Plugin {
  const modules: Record<string, () => string> = { goldens, ops };
  return {
    name: 'everywhere',
    resolveId: (id) => (id in modules ? `\0${id}` : undefined),
    load: (id) => (id.startsWith('\0') ? modules[id.slice(1)]?.() : undefined),
  };
}

/** Reads a file of goldens where its text is asked for. */
function goldens(): string {
  const path = `${JSON.stringify(folder('goldens'))} + name + '.json'`;
  return `import { readFileSync } from 'node:fs';
    export default new Proxy({}, { get: (_, name) => readFileSync(${path}, 'utf8') });`;
}

function ops(): string {
  const files = readdirSync(folder('everywhere/ops'));
  const imports = files.map(
    (file, i) => `import op${i} from ${JSON.stringify(folder('everywhere/ops') + file)};`,
  );
  const names = files.map((file, i) => `${JSON.stringify(basename(file, '.ts'))}: op${i}`);
  return `${imports.join('\n')}\nexport default { ${names.join(', ')} };`;
}
