/** Node, Deno, Bun: lines of JSON in, lines of JSON out. */
import process from 'node:process';
import { createInterface } from 'node:readline';
import { reply } from './reply.ts';

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await reply(JSON.parse(line)))}\n`);
}
