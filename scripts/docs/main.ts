/**
 * Builds the documentation site into out/docs, and checks all links in the pages and in what was built.
 *
 *   npm run docs            DOCS_BASE=/evenkeel/ npm run docs for a site in a folder
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from '../run.ts';
import { checkPages, checkSite } from './links.ts';
import { pages } from './pages.ts';

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));

await run('scripts/docs/api.ts');
await run('node_modules/vitepress/bin/vitepress.js', 'build', 'docs');
if (existsSync('scripts/playground.ts')) {
  await run('scripts/playground.ts', '--out', 'out/docs/playground');
}

const wrong = [...checkPages('.', pages()), ...checkSite('out/docs', process.env.DOCS_BASE ?? '/')];
if (wrong.length > 0) throw new Error(`links that lead nowhere:\n  ${wrong.join('\n  ')}`);
console.log('out/docs: every link leads somewhere. `npx vitepress preview docs` serves it.');
