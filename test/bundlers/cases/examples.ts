/** examples/, each as its README says, with the package from the tarball. All arrive at the same weights. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { serving, visit } from '../kit/browser.ts';
import type { Case } from '../kit/case.ts';
import { Consumer } from '../kit/consumer.ts';
import { edgeFunction } from '../kit/edge.ts';
import { fetchFrom } from '../kit/workerd.ts';

/** What the programs print. */
const REPORT = /^(epoch \d+, loss \d\.\d+\n){4}(0\.9\d+|1)\n$/;

/** A point on the first arm. */
const QUERY = '/?x=0.334&y=-0.708';

async function example(name: string): Promise<Consumer> {
  return Consumer.make(`example-${name}`, 'examples');
}

function expectEqual(what: string, got: unknown, expected: unknown): void {
  if (got !== expected) throw new Error(`${what}: expected ${expected}, got ${got}`);
}

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The hash of what node/main.js puts into weights.js, at which the others must arrive too. */
const atNode = once(async () => {
  const consumer = await example('node');
  expectReport(await consumer.run(process.execPath, 'node/main.js'));
  const [, base64] = /'(.*)'/.exec(readFileSync(consumer.path('weights.js'), 'utf8'))!;
  return hash(Buffer.from(base64!, 'base64'));
});

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

function expectReport(text: string): void {
  if (!REPORT.test(text)) throw new Error(`expected ${REPORT}, got ${text}`);
}

/** A program that writes a file of weights. */
function program(tool: string, ...args: string[]): Case {
  return {
    name: `example: ${tool}`,
    tool,
    async run() {
      const consumer = await example(tool);
      expectReport(await consumer.tool(tool, ...args));
      expectEqual(
        'weights',
        hash(readFileSync(consumer.path('spiral.safetensors'))),
        await atNode(),
      );
      return {};
    },
  };
}

export const cases: Case[] = [
  {
    name: 'example: node',
    async run() {
      await atNode();
      return {};
    },
  },
  program('deno', 'run', '--allow-read', '--allow-write', 'deno/main.js'),
  program('bun', 'bun/main.js'),
  {
    name: 'example: page',
    tool: 'vite',
    async run() {
      const consumer = await example('page');
      await consumer.tool('vite', 'build', 'page');
      const text = await serving(consumer.path('page/dist'), (url) =>
        visit<string>(
          url,
          `/%/.test(document.querySelector('output').value) && document.querySelector('output').value`,
        ),
      );
      if (!/^(9\d\.\d|100\.0) % on the right arm$/.test(text)) throw new Error(text);
      return {};
    },
  },
  {
    name: 'example: cloudflare-worker',
    tool: 'wrangler',
    async run() {
      const consumer = await example('cloudflare-worker');
      const folder = consumer.path('cloudflare-worker');
      const out = join(folder, 'dist');
      const { spiral } = await import(consumer.path('spiral.js'));
      const { inputs, targets } = spiral();
      await consumer.tool('wrangler', 'deploy', '--cwd', folder, '--dry-run', '--outdir', out);

      const { text } = await fetchFrom(out, 'worker.js', QUERY);
      expectEqual('arm', JSON.parse(text).arm, 0);
      const arms = [...targets];
      const points = arms.map((_, i) => [...inputs.data.subarray(2 * i, 2 * i + 2)]);
      const body = JSON.stringify({ points, arms });
      const { bytes } = await fetchFrom(out, 'worker.js', '/', { method: 'POST', body });
      expectEqual('weights', hash(bytes), await atNode());
      return {};
    },
  },
  {
    name: 'example: edge-function',
    tool: '@edge-runtime/vm',
    async run() {
      const consumer = await example('edge-function');
      const arm = await edgeFunction(consumer.path('edge-function/api/arm.js'));
      const { text } = await arm.fetch(QUERY);
      expectEqual('arm', JSON.parse(text).arm, 0);
      return {};
    },
  },
];
