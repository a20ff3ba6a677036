/** Cloudflare Workers: what wrangler would upload, run by workerd. */
import type { Case } from '../kit/case.ts';
import { Consumer } from '../kit/consumer.ts';
import { fetchFrom } from '../kit/workerd.ts';

export const cases: Case[] = [
  {
    name: 'wrangler, dry run',
    tool: 'wrangler',
    async run() {
      const consumer = await Consumer.make('wrangler');
      const options = ['--dry-run', '--outdir', 'dist', '--name', 'evenkeel'];
      const date = ['--compatibility-date', '2026-04-01'];
      await consumer.tool('wrangler', 'deploy', 'cloudflare.js', ...options, ...date);
      const response = await fetchFrom(consumer.path('dist'), 'cloudflare.js');
      if (response.status !== 200) throw new Error(response.text);
      return { workerd: response.text };
    },
  },
];
