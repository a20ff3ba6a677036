/**
 * The main job, `npm start`: trains the same network with and without batch normalization, prints what
 * became of both, and writes a report and the trained weights.
 */
import { readOptions } from './options.ts';

const options = readOptions(process.argv.slice(2));

try {
  // Loaded now and not above, so that --help and a bad option are answered at once.
  const { run } = await import('./run.ts');
  await run(options);
} catch (error) {
  console.error(`error: ${(error as Error).message}`);
  process.exitCode = 2;
}
