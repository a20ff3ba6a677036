import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { serving, visit } from '../kit/browser.ts';
import type { Case, Places } from '../kit/case.ts';
import { Consumer } from '../kit/consumer.ts';
import { executable } from '../kit/tools.ts';

export const cases: Case[] = [
  {
    name: 'Vite, dev server',
    tool: 'vite',
    async run() {
      const consumer = await Consumer.make('vite-dev');
      const port = await freePort();
      const options = ['--host', '127.0.0.1', '--port', `${port}`, '--strictPort'];
      const server = spawn(executable('vite'), options, { cwd: consumer.folder });
      try {
        await Promise.race([listening(server.stdout), failed(server)]);
        return await visit<Places>(`http://127.0.0.1:${port}/`);
      } finally {
        server.kill();
      }
    },
  },
  {
    name: 'Vite, build',
    tool: 'vite',
    async run() {
      const consumer = await Consumer.make('vite-build');
      await consumer.tool('vite', 'build');
      return serving(consumer.path('dist'), (url) => visit<Places>(url));
    },
  },
];

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  return port;
}

async function listening(output: AsyncIterable<Buffer>): Promise<void> {
  for await (const text of output) if (String(text).includes('127.0.0.1')) return;
}

async function failed(server: ReturnType<typeof spawn>): Promise<never> {
  const [code] = await once(server, 'exit');
  throw new Error(`vite ended with code ${code}`);
}
