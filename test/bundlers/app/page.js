// A page trains itself, then has a Worker train the same. The hashes, or the error, go to `outcome`.
import { train as delegate } from 'evenkeel/worker';
import { digest, train } from './training.js';

async function inWorker() {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  const run = delegate(worker, null);
  let steps = 0;
  for await (const { loss } of run) if (loss > 0) steps++;
  if (steps !== 30) throw new Error(`expected progress of 30 steps, got ${steps}`);
  const hash = await digest(await run.stateDict);
  worker.terminate();
  return hash;
}

globalThis.outcome = (async () => ({ page: await train(), Worker: await inWorker() }))();
