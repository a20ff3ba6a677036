/**
 * The edit loop: compiles the kernels of one file and runs the tests on them.
 *
 *   npm run try -- layernorm          the kernels of layernorm.ts, and the tests with that in their name
 *   npm run try -- relu activation    the kernels of relu.ts, and the tests of activations
 *
 * The first name is a file in assembly/ or a folder of it; kernels that import it are compiled too. All
 * other kernels, and the types in src/generated, are those of the last build.
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
const wanted = filters.length > 0 ? filters : [name.replace(/^.*\/|\.ts$/g, '')];
const all = filesOf('test').filter((path) => /^test\/(?!torch\/).*\.test\.ts$/.test(path));
const tests = all.filter((path) => wanted.some((part) => path.includes(part)));
if (tests.length === 0) {
  fail(`no test file is named ${wanted.join(', ')}: name one: npm run try -- ${name} activation`);
}

const outFile = 'build/try.wasm';
if (!existsSync('build/strict.wasm')) await buildKernels();
await compileKernels(...entriesOf(sources), '--outFile', outFile, '--textFile', 'build/try.wat');
process.env.KERNELS = outFile;
await run('node_modules/vitest/vitest.mjs', 'run', ...tests);

function fail(message: string): never {
  console.error(`try: ${message}`);
  process.exit(1);
}
