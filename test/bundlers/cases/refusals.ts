/** Servers that compile nothing in a request: the error names the cause and the way out, which works. */
import { type Case, expectError } from '../kit/case.ts';
import { Consumer } from '../kit/consumer.ts';
import { edgeFunction } from '../kit/edge.ts';
import { fetchFrom } from '../kit/workerd.ts';

export const cases: Case[] = [
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
      if (status !== 500 || !/does not compile WebAssembly.*--conditions=workerd/.test(text)) {
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
      await expectError(handler.fetch('/'), /does not compile WebAssembly.*pass it to useModule/);
      return {};
    },
  },
];
