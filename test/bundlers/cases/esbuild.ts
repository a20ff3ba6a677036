import { copyFileSync } from 'node:fs';
import { serving, visit } from '../kit/browser.ts';
import type { Case, Places } from '../kit/case.ts';
import { Consumer } from '../kit/consumer.ts';

export const cases: Case[] = [
  {
    name: 'esbuild, browser',
    tool: 'esbuild',
    async run() {
      const consumer = await Consumer.make('esbuild');
      const options = ['--bundle', '--minify', '--format=esm', '--outdir=dist'];
      await consumer.tool('esbuild', 'page.js', 'worker.js', ...options);
      copyFileSync(consumer.path('index.html'), consumer.path('dist/index.html'));
      return serving(consumer.path('dist'), (url) => visit<Places>(url));
    },
  },
  ...(['esm', 'cjs'] as const).map((format) => ({
    name: `esbuild, Node, ${format}`,
    tool: 'esbuild',
    async run() {
      const consumer = await Consumer.make(`esbuild-${format}`);
      const outfile = `out.${format === 'esm' ? 'mjs' : 'cjs'}`;
      const options = ['--bundle', '--platform=node', `--format=${format}`];
      await consumer.tool('esbuild', 'program.js', ...options, `--outfile=${outfile}`);
      return { Node: (await consumer.run('node', outfile)).trim() };
    },
  })),
];
