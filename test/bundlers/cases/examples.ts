/** examples/, each as its README says, with the package from the tarball. All arrive at weights.js. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serving, visit } from '../kit/browser.ts';
import type { Case } from '../kit/case.ts';
import { Consumer } from '../kit/consumer.ts';
import { edgeFunction } from '../kit/edge.ts';
import { fetchFrom } from '../kit/workerd.ts';

const WEIGHTS = readFileSync(
  fileURLToPath(new URL('../../../examples/weights.js', import.meta.url)),
  'utf8',
);
const [, BASE64] = /'(.*)'/.exec(WEIGHTS)!;

/** What the programs print. */
const REPORT = /^(epoch \d+, loss \d\.\d+\n){4}0\.99\d+\n$/;

/** A point on the first arm. */
const QUERY = '/?x=0.334&y=-0.708';

async function example(name: string): Promise<Consumer> {
  return Consumer.make(`example-${name}`, 'examples');
}

function expectEqual(what: string, got: unknown, expected: unknown): void {
  if (got !== expected) throw new Error(`${what}: expected ${expected}, got ${got}`);
}

/** The programs that write a file of weights. */
function program(name: string, tool: string | undefined, ...args: string[]): Case {
  return {
    name: `example: ${name}`,
    tool,
    async run() {
      const consumer = await example(name);
      const report = await (tool
        ? consumer.tool(tool, ...args)
        : consumer.run(process.execPath, ...args));
      if (!REPORT.test(report)) throw new Error(`expected ${REPORT}, got ${report}`);
      if (tool) {
        const file = readFileSync(consumer.path('spiral.safetensors')).toString('base64');
        expectEqual('weights', file, BASE64);
      } else {
        expectEqual('weights.js', readFileSync(consumer.path('weights.js'), 'utf8'), WEIGHTS);
      }
      return {};
    },
  };
}

export const cases: Case[] = [
  program('node', undefined, 'node/main.js'),
  program('deno', 'deno', 'run', '--allow-read', '--allow-write', 'deno/main.js'),
  program('bun', 'bun', 'bun/main.js'),
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
      if (!/^(9[89]\.\d|100\.0) % on the right arm$/.test(text)) throw new Error(text);
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
      expectEqual('weights', Buffer.from(bytes).toString('base64'), BASE64);
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
