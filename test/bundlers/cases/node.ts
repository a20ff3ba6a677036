/** No bundler at all. */
import type { Case } from '../kit/case.ts';
import { Consumer } from '../kit/consumer.ts';

export const cases: Case[] = [
  {
    name: 'Node, import',
    async run() {
      const consumer = await Consumer.make('node');
      return { Node: (await consumer.run('node', 'program.js')).trim() };
    },
  },
];
