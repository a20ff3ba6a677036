/**
 * Builds everything: assembly → wasm → src/generated → bundles → types.
 *
 *   tsx scripts/build.ts            all of it
 *   tsx scripts/build.ts --kernels  only the wasm and src/generated
 */

import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bundle } from './bundle.ts';
import { plainModule } from './generate.ts';
import { compileUnpacker } from './kernels.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

mkdirSync('build', { recursive: true });
mkdirSync('src/generated', { recursive: true });
// The two targets side by side, each in a process of its own.
const targets = ['strict', 'relaxed'].map((target) =>
  promisify(execFile)('node_modules/.bin/tsx', ['scripts/target.ts', target]),
);
await compileUnpacker('build/unpack.wasm');
for (const { stderr } of await Promise.all(targets)) process.stderr.write(stderr);
writeFileSync(
  'src/generated/unpacker.ts',
  plainModule('UNPACKER', readFileSync('build/unpack.wasm')),
);

if (!process.argv.includes('--kernels')) {
  await bundle();
  const types = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.types.json'], {
    stdio: 'inherit',
  });
  if (types.status !== 0) process.exit(types.status ?? 1);
}
