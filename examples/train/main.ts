/**
 * The program of `npm start`: trains the same network with and without batch normalization, prints a
 * comparison, and writes a report and the trained weights.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run as runScript } from '../../scripts/run.ts';
import { checkOptions } from './files.ts';
import { readOptions } from './options.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const options = readOptions(process.argv.slice(2));

try {
  // What is wrong with the options is said now. The build takes a while on a fresh machine.
  await checkOptions(options);
  await build();
  // Imported here and not above, because it imports the package, which has just been built.
  const { run } = await import('./run.ts');
  await run(options);
} catch (error) {
  console.error(`error: ${(error as Error).message}`);
  process.exitCode = 2;
}

/** Builds the package. If nothing has changed, that takes a second. */
async function build(): Promise<void> {
  if (!existsSync(`${root}dist/index.js`)) {
    console.log(
      'Building evenkeel. The first time takes up to a few minutes, depending on the machine.\n',
    );
  }
  await runScript(`${root}scripts/build.ts`);
}
