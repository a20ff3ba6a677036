import { copyFileSync } from 'node:fs';
import { serving, visit } from '../kit/browser.ts';
import type { Case, Places } from '../kit/case.ts';
import { Consumer } from '../kit/consumer.ts';

export const cases: Case[] = [
  {
    name: 'Rollup',
    tool: 'rollup',
    async run() {
      const consumer = await Consumer.make('rollup');
      const options = ['--dir', 'dist', '--plugin', 'node-resolve', '--silent'];
      await consumer.tool('rollup', 'page.js', 'worker.js', ...options);
      copyFileSync(consumer.path('index.html'), consumer.path('dist/index.html'));
      return serving(consumer.path('dist'), (url) => visit<Places>(url));
    },
  },
];
