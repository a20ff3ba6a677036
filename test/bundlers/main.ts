/**
 * Whether the package works in the projects of others: packed, installed into fresh folders, bundled by
 * each bundler without configuration, and run where the bundle is for. Training there must give the
 * weights that it gives in Node.
 *
 *   npm run test:bundlers                 all of them
 *   npm run test:bundlers -- vite CSP     those whose names contain a word
 */
import { parseArgs } from 'node:util';
import { browserVersion, closeBrowser } from './kit/browser.ts';
import type { Case } from './kit/case.ts';
import { versionOf } from './kit/tools.ts';

const ROOMS = [
  'node',
  'vite',
  'webpack',
  'esbuild',
  'rollup',
  'threads',
  'wrangler',
  'importmap',
  'browsers',
  'refusals',
  'typescript',
  'examples',
];

const [node] = (await import('./cases/node.ts')).cases;
const expected = (await node!.run()).Node!;
console.log(`Chromium ${await browserVersion()}, Node ${process.version}: ${expected}\n`);

const words = parseArgs({ allowPositionals: true }).positionals.map((word) => word.toLowerCase());
const chosen: Case[] = [];
for (const room of ROOMS) {
  const { cases } = (await import(`./cases/${room}.ts`)) as { cases: Case[] };
  chosen.push(
    ...cases.filter(({ name }) => {
      return words.length === 0 || words.some((word) => name.toLowerCase().includes(word));
    }),
  );
}

let failures = 0;
for (const { name, tool, run } of chosen) {
  const title = `${name}${tool ? ` (${tool} ${versionOf(tool)})` : ''}`.padEnd(48);
  const start = performance.now();
  try {
    const hashes = await run();
    for (const [place, hash] of Object.entries(hashes)) {
      if (hash !== expected) throw new Error(`${place}: expected ${expected}, got ${hash}`);
    }
    const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(5);
    console.log(`✓ ${title} ${seconds} s  ${Object.keys(hashes).join(', ')}`);
  } catch (error) {
    failures++;
    console.log(`✗ ${title}\n${(error as Error).message.replace(/^/gm, '    ')}`);
  }
}
await closeBrowser();

console.log(
  failures > 0
    ? `\n${failures} of ${chosen.length} failed`
    : `\nall ${chosen.length} as they should be; weights trained are Node's, bit by bit`,
);
process.exitCode = failures > 0 || chosen.length === 0 ? 1 : 0;
