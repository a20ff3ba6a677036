/** Edge functions: bundled as Vercel does, run in its runtime, which compiles nothing here. */
import { readFileSync } from 'node:fs';
import type { Plugin } from 'esbuild';
import { load } from './tools.ts';

/** A function's module in the runtime; `handler` answers a request for `path`. */
export interface EdgeFunction {
  fetch(path: string): Promise<{ status: number; text: string }>;
}

/** The function whose source is `entry`, or what it threw while it was loaded. */
export async function edgeFunction(entry: string): Promise<EdgeFunction> {
  const modules: Record<string, WebAssembly.Module> = {};
  const wasm: Plugin = {
    name: 'wasm',
    setup(build) {
      build.onResolve({ filter: /\.wasm\?module$/ }, async ({ path, resolveDir }) => {
        const options = { resolveDir, kind: 'entry-point' } as const;
        const file = await build.resolve(path.replace('?module', ''), options);
        const name = `wasm${Object.keys(modules).length}`;
        modules[name] = new WebAssembly.Module(readFileSync(file.path));
        return { path: name, namespace: 'wasm' };
      });
      build.onLoad({ filter: /.*/, namespace: 'wasm' }, ({ path }) => ({
        contents: `export default globalThis.${path}`,
      }));
    },
  };
  const esbuild = await load('esbuild');
  const { outputFiles } = await esbuild.build({
    entryPoints: [entry],
    plugins: [wasm],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'bundle',
    conditions: ['edge-light'],
  });
  const { EdgeVM } = await load('@edge-runtime/vm');
  const runtime = new EdgeVM({
    codeGeneration: { strings: false, wasm: false },
    extend: (context: object) => Object.assign(context, modules),
  });
  runtime.evaluate(`${outputFiles[0].text}\nglobalThis.handler = bundle.default;`);
  return {
    async fetch(path) {
      runtime.evaluate(`globalThis.url = ${JSON.stringify(`http://localhost${path}`)}`);
      const response = await runtime.evaluate('handler(new Request(url))');
      return { status: response.status, text: await response.text() };
    },
  };
}
