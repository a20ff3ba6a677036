/**
 * The bundles: dist/ for every runtime, with the kernels packed into the text, and dist/workerd/ for the
 * one that compiles nothing but imports a `.wasm` as a module. There `NAME.workerd.ts` stands in for
 * `NAME.ts`. Within each the entries share their chunks, and so one engine.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { stamped, stampOf } from './generate.ts';

/** The entries that package.json exports: the source of each stands where its types do. */
function entries(): Record<string, string> {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
  const typed = Object.values<{ types?: string; default: string }>(exports).filter((e) => e.types);
  return Object.fromEntries(
    typed.map(({ types, default: file }) => [
      basename(file, '.js'),
      types!.replace('./dist/types/', 'src/').replace('.d.ts', '.ts'),
    ]),
  );
}

const workerd: Plugin = {
  name: 'workerd',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir }) => {
      const variant = join(resolveDir, path.replace(/\.ts$/, '.workerd.ts'));
      return existsSync(variant) ? { path: variant } : undefined;
    });
    onResolve({ filter: /\.wasm$/ }, ({ path }) => ({
      path: `../${basename(path)}`,
      external: true,
    }));
  },
};

export async function bundle(): Promise<void> {
  rmSync('dist', { recursive: true, force: true });
  mkdirSync('dist');
  const stamp = stampOf(readFileSync('build/strict.d.ts', 'utf8'));
  for (const [target, file] of [
    ['strict', 'kernels'],
    ['relaxed', 'relaxed'],
  ]) {
    writeFileSync(`dist/${file}.wasm`, stamped(readFileSync(`build/${target}.wasm`), stamp));
  }
  await bundleInto('dist');
  await bundleInto('dist/workerd', workerd);
}

async function bundleInto(outdir: string, ...plugins: Plugin[]): Promise<void> {
  await build({
    entryPoints: entries(),
    outdir,
    plugins,
    chunkNames: 'chunk-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'warning',
    mainFields: ['module', 'main'],
  });
}
