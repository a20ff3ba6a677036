/**
 * Compiles the kernels: assembly/ → build/*.wasm → src/generated.
 *
 *   tsx scripts/kernels.ts assembly/relu.ts /tmp/relu.wasm    the exports of one file by itself
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cached, filesOf, writeWhole } from './cache.ts';
import {
  kernelsModule,
  listed,
  plainModule,
  type Sources,
  stampModule,
  stampOf,
  textModule,
} from './generate.ts';
import { MODULES } from './modules.ts';
import { kernelNames, renameExports } from './names.ts';
import { run } from './run.ts';
import { threadText } from './thread.ts';

/** What a compiled module depends on. */
const SOURCES = [
  'assembly',
  'asconfig.json',
  'scripts/kernels.ts',
  'scripts/asc.js',
  'scripts/generate.ts',
  'scripts/inline.js',
  'scripts/modules.ts',
  'scripts/signatures.js',
  'scripts/split.js',
];
const PACKER = [
  'scripts/packed.ts',
  'scripts/pack.ts',
  'scripts/generate.ts',
  'scripts/modules.ts',
  'build/pack.wasm',
];

/** Runs the compiler with asconfig.json's options: compileKernels('assembly/relu.ts', '--outFile', …). */
export function compileKernels(...args: string[]): Promise<void> {
  return run('scripts/asc.js', ...args, '--config', 'asconfig.json');
}

/** Builds everything that depends on assembly/; unchanged results come from the cache. */
export async function buildKernels(): Promise<void> {
  await unpacker();
  await Promise.all([strict(), relaxed(), thread()]);
}

/** The program of a thread, which evenkeel/threads carries as text. */
async function thread(): Promise<void> {
  generate('thread', textModule('THREAD', await threadText()));
}

/** The strict kernels, which every bundle has, cut into MODULES. */
async function strict(): Promise<void> {
  const built = await cached('strict', SOURCES, async (folder) => {
    const file = join(folder, 'strict.wasm');
    const text = ['--textFile', join(folder, 'strict.wat')];
    await compileKernels('assembly/all.ts', '--target', 'strict', '--outFile', file, ...text);
    const parts = MODULES.flatMap(({ name, list }) => [
      join(folder, `${name}.wasm`),
      [...listed(`assembly/${list}.ts`)].join(','),
    ]);
    await run('scripts/split.js', file, ...parts);
    await run('scripts/signatures.js', 'assembly', join(folder, 'signatures.json'));
  });
  place(built);
  const sources: Sources = JSON.parse(readFileSync(join(built, 'signatures.json'), 'utf8'));
  generate('kernels', kernelsModule(sources));
  generate('stamp', stampModule(stampOf(sources)));
  await packModule('core');
  await Promise.all(MODULES.slice(1).map(({ name }) => packModule(name)));
}

/** The relaxed kernels are one module, which users choose explicitly. */
async function relaxed(): Promise<void> {
  const built = await cached('relaxed', SOURCES, (folder) => {
    const file = join(folder, 'relaxed.wasm');
    return compileKernels('assembly/relaxed.ts', '--target', 'relaxed', '--outFile', file);
  });
  place(built);
  await packModule('relaxed');
}

/** assembly/unpack.ts, a separate module, compiled for size; and once more to pack. */
async function unpacker(): Promise<void> {
  const built = await cached('unpack', SOURCES, async (folder) => {
    const bare = [
      '--runtime',
      'stub',
      '--importMemory',
      '--noExportMemory',
      '--initialMemory',
      '0',
    ];
    const small = ['--optimizeLevel', '3', '--shrinkLevel', '2', '--noAssert', '--use', 'abort='];
    const options = ['--config', 'none', '--enable', 'simd', ...bare, ...small];
    const compile = (encode: number, file: string) =>
      run(
        'scripts/asc.js',
        'assembly/unpack.ts',
        ...options,
        ...['--use', `ENCODE=${encode}`, '--outFile', join(folder, file)],
      );
    await Promise.all([compile(0, 'unpack.wasm'), compile(1, 'pack.wasm')]);
  });
  place(built);
  generate('unpacker', plainModule('UNPACKER', readFileSync(join(built, 'unpack.wasm'))));
}

/**
 * Packs a module for src/generated, and once more for dist/, where its exports have short names. The strict modules
 * are packed after the core.
 */
async function packModule(name: string): Promise<void> {
  const renamed = renameExports(readFileSync(`build/${name}.wasm`), kernelNames());
  writeWhole(`build/short/${name}.wasm`, renamed);
  const [own, shorter] = await Promise.all([packed(name, 'build'), packed(name, 'build/short')]);
  generate(name, own);
  writeWhole(`build/short/${name}.ts`, shorter);
}

async function packed(name: string, folder: string): Promise<Buffer> {
  const files = [`${folder}/${name}.wasm`];
  if (name !== 'core' && name !== 'relaxed') files.push(`${folder}/core.wasm`);
  const built = await cached(`${basename(folder)}-${name}.ts`, [...files, ...PACKER], (made) => {
    const [file, ...after] = files;
    return run('scripts/packed.ts', file!, join(made, 'packed.ts'), ...after);
  });
  return readFileSync(join(built, 'packed.ts'));
}

/** Copies what was built to build/, where tests and benchmarks read it. */
function place(built: string): void {
  for (const file of filesOf(built)) writeWhole(join('build', basename(file)), readFileSync(file));
}

function generate(name: string, content: string | Uint8Array): void {
  writeWhole(`src/generated/${name}.ts`, content);
}

if (import.meta.filename === process.argv[1]) {
  const [entry, outFile] = process.argv.slice(2);
  await compileKernels(entry!, '--outFile', outFile!, '--textFile', `${outFile}.wat`);
}
