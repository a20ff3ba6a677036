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
  {
    name: 'Node, require',
    async run() {
      const consumer = await Consumer.make('require');
      consumer.write(
        'program.cjs',
        `if (!require('evenkeel').Linear) throw new Error('no names');
         require('./training.js').train().then(console.log);`,
      );
      return { Node: (await consumer.run('node', 'program.cjs')).trim() };
    },
  },
];
