// A cluster of processes, each with threads of its own. Prints what each one computed.
import cluster from 'node:cluster';
import { Linear, manualSeed } from '../../../dist/index.js';
import { useThreads } from '../../../dist/threads.js';

const threads = await useThreads(2);
const sum = () => {
  manualSeed(1);
  const layer = new Linear(300, 300);
  const data = Float32Array.from({ length: 90_000 }, (_, i) => (i % 101) / 101);
  const y = layer.forward({ data, shape: [300, 300] }).toArray();
  return new Int32Array(y.buffer).reduce((total, word) => (Math.imul(total, 31) + word) | 0, 0);
};
const line = `${threads.count} ${sum()}`;
if (cluster.isPrimary) {
  console.log(line);
  for (let i = 0; i < 2; i++) cluster.fork().on('message', (text) => console.log(text));
} else {
  process.send(line, () => process.disconnect());
}
