/**
 * The edit loop: compiles the kernels of one file and runs the tests on them.
 *
 *   npm run try -- relu              assembly/activation/relu.ts and the tests named like it or its folder
 *   npm run try -- relu losses       the same file and the tests with `losses` in their name
 *
 * The first name is a file in assembly/ or a folder of it; kernels that import it are compiled too. All
 * other kernels and the types in src/generated come from the last build.
 */
import { existsSync } from 'node:fs';
import { filesOf } from './cache.ts';
import { buildKernels, compileKernels } from './kernels.ts';
import { run } from './run.ts';
import { entriesOf, sourcesNamed } from './sources.ts';

const [name, ...filters] = process.argv.slice(2);
if (!name) fail('expected the name of a file in assembly/: npm run try -- layernorm');
const sources = sourcesNamed(name);
if (sources.length === 0) fail(`assembly/ has no file or folder ${name}`);
const all = filesOf('test').filter((path) => /^test\/(?!torch\/).*\.test\.ts$/.test(path));
const named = (part: string) => all.filter((path) => path.includes(part));
// Unless tests are given: those named like the file, or else like its folder.
const [, folder] = sources[0]!.split('/');
const stem = name.replace(/^.*\/|\.ts$/g, '');
const tests =
  filters.length > 0
    ? all.filter((path) => filters.some((part) => path.includes(part)))
    : [named(stem), named(folder!)].find((found) => found.length > 0);
if (!tests?.length)
  fail(`no test file is named like that: name one: npm run try -- ${name} linear`);

const outFile = 'build/try.wasm';
if (!existsSync('build/strict.wasm')) await buildKernels();
const outputs = ['--outFile', outFile, '--textFile', 'build/try.wat'];
await compileKernels(...entriesOf(sources), ...outputs).catch(() => process.exit(1));
process.env.KERNELS = outFile;
await run('node_modules/vitest/vitest.mjs', 'run', ...tests).catch(() => process.exit(1));

function fail(message: string): never {
  console.error(`try: ${message}`);
  process.exit(1);
}
