/**
 * Builds everything: assembly → wasm → src/generated → bundles → types.
 *
 *   tsx scripts/build.ts            all of it
 *   tsx scripts/build.ts --kernels  only the wasm and src/generated
 *
 * What costs seconds (compiling, packing, types) is kept in build/cache by content.
 */

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.ts';
import { cached, mirror } from './cache.ts';
import { buildKernels } from './kernels.ts';
import { run } from './run.ts';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

await buildKernels();
if (!process.argv.includes('--kernels')) {
  const dist = mkdtempSync('build/dist-');
  try {
    const [types] = await Promise.all([declarations(), bundle(dist)]);
    cpSync(types, `${dist}/types`, { recursive: true });
    mirror(dist, 'dist');
  } finally {
    rmSync(dist, { recursive: true });
  }
}

/** The declarations of the public types. */
function declarations(): Promise<string> {
  const inputs = [
    'src',
    'tsconfig.json',
    'tsconfig.types.json',
    'package.json',
    'scripts/build.ts',
  ];
  return cached('types', inputs, (folder) =>
    run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json', '--outDir', folder),
  );
}
