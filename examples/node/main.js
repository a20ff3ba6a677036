// Node: trains in a worker thread, and writes the weights as a JavaScript module for the edge functions.
//   node main.js
import { writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { evaluate } from 'evenkeel';
import { saveSafetensors } from 'evenkeel/state';
import { train } from 'evenkeel/worker';
import { network, spiral } from '../spiral.js';

const data = spiral();
const worker = new Worker(new URL('./worker.js', import.meta.url));
const run = train(worker, { data, epochs: 40 });
for await (const { epoch, step, loss } of run) {
  if (step === 1 && epoch % 10 === 0) console.log(`epoch ${epoch}, loss ${loss}`);
}
const state = await run.stateDict;
await worker.terminate();

const model = network();
model.loadStateDict(state);
console.log(evaluate(model, data).accuracy);

const base64 = Buffer.from(saveSafetensors(state)).toString('base64');
writeFileSync(
  new URL('../weights.js', import.meta.url),
  `// Made by node/main.js.\nexport const weights =\n  '${base64}';\n`,
);
