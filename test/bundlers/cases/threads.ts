/** Threads in a page that is cross-origin isolated, with and without a policy that forbids inlined scripts. */
import { writeFileSync } from 'node:fs';
import { serving, visit } from '../kit/browser.ts';
import type { Case } from '../kit/case.ts';
import { Consumer } from '../kit/consumer.ts';

const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};
const POLICY = {
  'Content-Security-Policy': "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
};
const PAGE =
  '<!doctype html><title>threads</title><script type="module" src="threads.js"></script>';

/** How each tool makes a page of threads.js; what it needs beside. */
const TOOLS: Record<string, (consumer: Consumer) => Promise<unknown>> = {
  vite(consumer) {
    consumer.write('index.html', PAGE.replace('src="', 'src="./'));
    return consumer.tool('vite', 'build');
  },
  webpack: (consumer) =>
    consumer.tool(
      ...(['webpack', '--entry', './threads.js', '--mode', 'production'] as const),
      ...['--output-filename', 'threads.js'],
    ),
  esbuild: (consumer) =>
    consumer.tool(
      ...(['esbuild', 'threads.js', 'thread.js', '--bundle', '--minify'] as const),
      ...['--format=esm', '--outdir=dist'],
    ),
  rollup: (consumer) =>
    consumer.tool(
      ...(['rollup', 'threads.js', 'thread.js', '--dir', 'dist'] as const),
      ...['--plugin', 'node-resolve', '--silent'],
    ),
};

export const cases: Case[] = Object.entries(TOOLS).map(([tool, bundle]) => ({
  name: `threads, ${tool}`,
  tool,
  async run() {
    const consumer = await Consumer.make(`threads-${tool}`);
    await bundle(consumer);
    if (tool !== 'vite') writeFileSync(consumer.path('dist/index.html'), PAGE);
    const page = (query: string, headers: Record<string, string>) =>
      serving(consumer.path('dist'), (url) => visit<Record<string, string>>(`${url}${query}`), {
        headers,
      });
    const { file, inlined } = await page('', ISOLATED);
    const policy = await page('?policy', { ...ISOLATED, ...POLICY });
    return { inlined: inlined!, file: file!, 'file, with a policy': policy.file! };
  },
}));
