/**
 * The bundles: dist/ for every runtime, with the kernels packed into the text, and dist/workerd/ for
 * workerd, which does not compile wasm at run time but imports a `.wasm` as a module. There
 * `NAME.workerd.ts` replaces `NAME.ts`. In each of the two the entries share one engine.
 *
 * The text keeps its line breaks, names and comments for bundlers: an error then shows a short line, and
 * bundlers, which shorten it anyway, see what they may leave out (esbuild's minifyWhitespace drops
 * `@__PURE__`). dist/ has source maps; dist/workerd/, which is bundled for deployment, has none.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { stamped, stampOf } from './generate.ts';
import { loader } from './loader.ts';
import { finishMaps } from './maps.ts';
import { kernelNames, privateNames, renameExports } from './names.ts';
import { threadText } from './thread.ts';

/** The entries that package.json exports: the source of each has the path of its types. */
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

/** Has the kernels under short names, and the table that `evenkeel/kernels` gives them their full ones by. */
const short: Plugin = {
  name: 'short',
  setup({ onLoad }) {
    onLoad(
      { filter: /generated\/(common|core|extra|inspect|ops|relaxed|spatial|volume)\.ts$/ },
      ({ path }) => ({
        contents: readFileSync(join('build/short', basename(path)), 'utf8'),
        loader: 'ts',
      }),
    );
    onLoad({ filter: /kernels\/names\.ts$/ }, () => {
      const full = [...kernelNames()].map(([name, exported]) => [exported, name]);
      return { contents: `export const FULL_NAMES = ${JSON.stringify(Object.fromEntries(full))};` };
    });
  },
};

/** Writes the bundles into the folder `dist`. */
export async function bundle(dist: string): Promise<void> {
  const stamp = stampOf(JSON.parse(readFileSync('build/signatures.json', 'utf8')));
  for (const [target, file] of [
    ['strict', 'kernels'],
    ['relaxed', 'relaxed'],
  ]) {
    const bytes = renameExports(readFileSync(`build/${target}.wasm`), kernelNames());
    writeFileSync(`${dist}/${file}.wasm`, stamped(bytes, stamp));
  }
  writeFileSync(`${dist}/thread.js`, `const port = self;\n${await threadText()}\n`);
  await bundleInto(dist, true);
  await bundleInto(`${dist}/workerd`, false, workerd);
}

const OPTIONS = {
  bundle: true,
  external: ['@bufbuild/protobuf', 'ml-matrix'],
  splitting: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  minifySyntax: true,
  sourcemap: true,
  legalComments: 'none',
  logLevel: 'warning',
  mainFields: ['module', 'main'],
} satisfies BuildOptions;

/**
 * Bundles in two passes. In the first, esbuild puts shared code into a chunk for each set of entries that
 * share it. Node would then open eight files for `import 'evenkeel'`, at half a millisecond each. So a
 * second pass puts everything that the main entry needs into one file, core.js, and the other entries
 * import from it.
 */
async function bundleInto(outdir: string, sourcemap: boolean, ...plugins: Plugin[]): Promise<void> {
  const parts = mkdtempSync(join(tmpdir(), 'parts-'));
  const mangled = new Map([...kernelNames(), ...privateNames()]);
  const first = await build({
    ...OPTIONS,
    entryPoints: entries(),
    outdir: parts,
    plugins: [loader, short, ...plugins],
    mangleProps: new RegExp(`^(${[...mangled.keys()].join('|')})$`),
    mangleCache: Object.fromEntries(mangled),
    inject: ['src/runtime/errors.ts'], // takes the place of Error, RangeError and TypeError
    metafile: true,
  });
  const outputs = Object.entries(first.metafile.outputs);
  const named = new Map(outputs.map(([path, output]) => [basename(path), output]));
  const core = named.get('index.js')!;
  const shared = core.imports.filter(({ external }) => !external).map(({ path }) => basename(path));
  writeFileSync(join(parts, 'core.js'), reexport(['index.js', ...shared].map((file) => [file])));
  writeFileSync(join(parts, 'main.js'), reexport([['core.js', core.exports]]));
  const names = [...named.keys()].filter(
    (file) => named.get(file)!.entryPoint && file !== 'index.js',
  );
  for (const file of named.keys()) shakeable(join(parts, file));
  await build({
    ...OPTIONS,
    sourcemap,
    entryPoints: {
      core: join(parts, 'core.js'),
      index: join(parts, 'main.js'),
      ...Object.fromEntries(names.map((file) => [basename(file, '.js'), join(parts, file)])),
    },
    outdir: resolve(outdir),
    absWorkingDir: parts, // its path would show in the chunks' names
    plugins: [takesFromCore(new Set(['core.js', ...shared])), ...plugins],
    chunkNames: 'chunk-[hash]',
  });
  rmSync(parts, { recursive: true });
  finishMaps(outdir, '..');
}

/** Makes `export * as init` an object that bundlers leave out if it is not used: 1.3 kB of gzip. */
function shakeable(file: string): void {
  if (file.endsWith('.map')) return;
  const text = readFileSync(file, 'utf8');
  const namespace = /\b(\w+_exports) = \{\};\n__export\(\1, (\{[^}]*\})\);/g;
  const object = (_: string, name: string, getters: string) =>
    `${name} =\n/* @__PURE__ */ Object.freeze(${getters.replaceAll('() => ', '')});`;
  writeFileSync(file, text.replace(namespace, object));
}

/** A module that exports names of other files, or all their names. */
function reexport(files: [file: string, names?: string[]][]): string {
  const lines = files.map(([file, names]) => {
    return `export ${names ? `{ ${names.join(', ')} }` : '*'} from './${file}';`;
  });
  return lines.join('\n');
}

/** Redirects imports of the chunks in core.js to core.js, except those in core.js itself. */
function takesFromCore(parts: ReadonlySet<string>): Plugin {
  return {
    name: 'core',
    setup({ onResolve }) {
      onResolve({ filter: /^\.\/[\w-]+\.js$/ }, ({ path, importer }) => {
        const inCore = ['core.js', 'index.js', ...parts].includes(basename(importer));
        if (inCore || !parts.has(basename(path))) return undefined;
        return { path: './core.js', external: true, sideEffects: false };
      });
    },
  };
}
