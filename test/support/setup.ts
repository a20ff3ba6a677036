/**
 * Runs once before the tests: builds what they read, which takes a tenth of a second if nothing has
 * changed. The package (dist/) is only built if it is missing: `npm test` builds it anew.
 */
import { existsSync } from 'node:fs';
import { buildKernels } from '../../scripts/kernels.ts';
import { run } from '../../scripts/run.ts';

export default async function setup(): Promise<void> {
  if (process.env.KERNELS) return; // `npm run try` has compiled what it wants tested
  if (existsSync('dist/index.js')) await buildKernels();
  else await run('scripts/build.ts');
}
