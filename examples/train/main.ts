/**
 * The program of `npm start`: trains the same network with and without batch normalization, prints a
 * comparison, and writes a report and the trained weights.
 */
import { readOptions } from './options.ts';

const options = readOptions(process.argv.slice(2));

try {
  // Imported here and not above, so that --help and invalid options respond at once.
  const { run } = await import('./run.ts');
  await run(options);
} catch (error) {
  console.error(`error: ${(error as Error).message}`);
  process.exitCode = 2;
}
