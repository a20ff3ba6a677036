import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type Block, blocksOf } from '../../scripts/docs/pages.ts';

const IMPORT = /import \{([^}]*)\} from '(evenkeel[^']*)';/g;

/** What a block does in the tests; how it is marked is said in CONTRIBUTING.md. */
export function purposeOf({ language, mark }: Block): 'runs' | 'quotes' | 'stands' | 'unknown' {
  if (!['ts', 'js', 'typescript', 'javascript', 'tsx', 'jsx', 'mjs'].includes(language)) {
    return 'stands'; // no code of ours: shell, HTML, equations
  }
  if (mark === '' && (language === 'ts' || language === 'js')) return 'runs';
  if (/^no-run: \S/.test(mark)) return 'stands';
  return /^source: \S+$/.test(mark) ? 'quotes' : 'unknown';
}

/**
 * Runs a text's TypeScript and JavaScript blocks, in order, as one module behind `prelude` (what they take for
 * granted), and returns the names in `exported`.
 */
export async function runExamples(
  path: string,
  { prelude = '', exported = [] }: { prelude?: string; exported?: string[] },
  // biome-ignore lint/suspicious/noExplicitAny: whatever the text declares
): Promise<any> {
  const text = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  const blocks = blocksOf(text)
    .filter((block) => purposeOf(block) === 'runs')
    .map(({ code }) => code);
  if (blocks.length === 0) throw new Error(`${path}: no example`);
  const imports = new Map<string, Set<string>>();
  for (const [, names, from] of [prelude, ...blocks].join('\n').matchAll(IMPORT)) {
    const known = imports.get(from!) ?? new Set();
    for (const name of names!.split(',').map((n) => n.trim())) if (name) known.add(name);
    imports.set(from!, known);
  }
  const heads = [...imports].map(
    ([from, names]) => `import { ${[...names].join(', ')} } from '${from}';`,
  );
  const bodies = [prelude, ...blocks].map((code) => code.replace(IMPORT, ''));
  const name = path.replaceAll('/', '-').replace('.md', '.ts').toLowerCase();
  const module = new URL(`../../build/${name}`, import.meta.url);
  mkdirSync(new URL('.', module), { recursive: true });
  writeFileSync(module, [...heads, ...bodies, `export { ${exported.join(', ')} };`].join('\n'));
  return import(module.pathname);
}
