// Bun: trains in a Worker, and writes the weights to a file that PyTorch can read.
//   bun main.js
import { evaluate } from 'evenkeel';
import { saveSafetensors } from 'evenkeel/state';
import { train } from 'evenkeel/worker';
import { network, spiral } from '../spiral.js';

const data = spiral();
const worker = new Worker(new URL('../worker.js', import.meta.url), { type: 'module' });
const run = train(worker, { data, epochs: 40 });
for await (const { epoch, step, loss } of run) {
  if (step === 1 && epoch % 10 === 0) console.log(`epoch ${epoch}, loss ${loss}`);
}
const state = await run.stateDict;
worker.terminate();

const model = network();
model.loadStateDict(state);
console.log(evaluate(model, data).accuracy);
await Bun.write('spiral.safetensors', saveSafetensors(state));
