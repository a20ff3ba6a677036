/** Platforms that refuse WebAssembly: the error names the cause and the way out, and that way works. */
import { serving, visit } from '../kit/browser.ts';
import type { Case, Places } from '../kit/case.ts';
import { Consumer } from '../kit/consumer.ts';
import { edgeFunction } from '../kit/edge.ts';
import { unbundled } from '../kit/importmap.ts';
import { fetchFrom } from '../kit/workerd.ts';

export const cases: Case[] = [
  {
    name: 'Content-Security-Policy',
    async run() {
      const { folder } = await unbundled('csp');
      const visitUnder = (sources: string) =>
        serving(folder, (url) => visit<Places>(url), {
          'content-security-policy': `script-src 'self' 'unsafe-inline' ${sources}`,
        });
      await expectError(visitUnder(''), /Content-Security-Policy .*add 'wasm-unsafe-eval'/);
      return visitUnder("'wasm-unsafe-eval'");
    },
  },
  {
    name: 'workerd, inside a request',
    tool: 'esbuild',
    async run() {
      const consumer = await Consumer.make('refused');
      const bundle = (outdir: string, ...options: string[]) =>
        consumer.tool(
          'esbuild',
          ...['cloudflare.js', '--bundle', '--format=esm', `--outdir=${outdir}`, ...options],
        );
      await bundle('without');
      const { status, text } = await fetchFrom(consumer.path('without'), 'cloudflare.js');
      if (status !== 500 || !/compiles no WebAssembly.*--conditions=workerd/.test(text)) {
        throw new Error(`expected an error that names the condition, got ${status} ${text}`);
      }
      await bundle('with', '--conditions=workerd', '--loader:.wasm=copy');
      return { workerd: (await fetchFrom(consumer.path('with'), 'cloudflare.js')).text };
    },
  },
  {
    name: 'edge function, kernels not handed over',
    tool: '@edge-runtime/vm',
    async run() {
      const consumer = await Consumer.make('edge');
      consumer.write(
        'api.js',
        `import { Linear } from 'evenkeel'; export default () => new Linear(2, 2);`,
      );
      const handler = await edgeFunction(consumer.path('api.js'));
      await expectError(handler.fetch('/'), /compiles no WebAssembly.*hand it to useModule/);
      return {};
    },
  },
];

async function expectError(outcome: Promise<unknown>, expected: RegExp): Promise<void> {
  const message = await outcome.then(
    () => 'nothing',
    (error) => error.message,
  );
  if (!expected.test(message)) throw new Error(`expected ${expected}, got ${message}`);
}
