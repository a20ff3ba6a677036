/** Trains and stores a checkpoint after each step, for ever. Says how many steps are stored. */
import { writeSync } from 'node:fs';
import { checkpointStore, loadCheckpoint } from '../../../src/state/index.ts';
import { checkpoints, setUp } from './run.ts';

const store = checkpointStore(process.argv[2]!);
const run = setUp();
const found = await store.read();
const resume = found && loadCheckpoint(found, run).resume;
writeSync(1, 'trains\n');
for await (const { count, bytes } of checkpoints(run, resume)) {
  await store.write(bytes());
  writeSync(1, `${count}\n`);
}
