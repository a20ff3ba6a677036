/**
 * Final test accuracy on the full Fashion-MNIST; bench/fashion.py does the same with PyTorch. Batch 100,
 * Adam, one cycle of the learning rate, initial weights drawn as in PyTorch.
 *
 *   npx tsx bench/fashion.ts mlp|cnn [--epochs 10] [--seeds 3] [--data DIR]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Adam, CrossEntropyLoss, evaluate, fit, manualSeed, OneCycleLR } from 'evenkeel';
import { batches, readIdx } from 'evenkeel/data';
import { cnn, mlp } from '../examples/train/network.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    epochs: { type: 'string', default: '10' },
    seeds: { type: 'string', default: '3' },
    lr: { type: 'string', default: '0.004' },
    data: { type: 'string', default: '/usr/share/datasets/fashion-mnist' },
  },
});
const kind = positionals[0] === 'cnn' ? 'cnn' : 'mlp';

async function part(name: string) {
  const images = await readIdx(readFileSync(`${values.data}/${name}-images-idx3-ubyte.gz`));
  const labels = await readIdx(readFileSync(`${values.data}/${name}-labels-idx1-ubyte.gz`));
  const n = labels.data.length;
  const shape = kind === 'mlp' ? [n, 784] : [n, 1, 28, 28];
  return { inputs: { data: images.data, shape }, targets: labels.data as Uint8Array };
}

const train = await part('train');
const test = batches(await part('t10k'), { batchSize: 250, scale: 1 / 255 });
const finals: number[] = [];
for (let seed = 1; seed <= Number(values.seeds); seed++) {
  manualSeed(seed);
  using model = kind === 'mlp' ? mlp() : cnn();
  const optimizer = new Adam(model.parameters());
  const data = batches(train, { batchSize: 100, shuffle: true, seed, scale: 1 / 255 });
  const began = performance.now();
  let right = 0;
  const epochs = Number(values.epochs);
  const schedule = new OneCycleLR(optimizer, {
    maxLr: Number(values.lr),
    totalSteps: epochs * data.steps,
  });
  const options = { loss: new CrossEntropyLoss(), optimizer, epochs, schedule };
  for await (const { epoch, step, steps } of fit(model, data, options)) {
    if (step < steps) continue;
    right = 100 * evaluate(model, test).accuracy;
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    console.log(`${kind} seed ${seed} epoch ${epoch} ${right.toFixed(2)} % ${seconds} s`);
  }
  finals.push(right);
  optimizer.dispose();
}
const mean = finals.reduce((sum, value) => sum + value, 0) / finals.length;
console.log(`${kind} evenkeel mean of ${finals.length} final epochs ${mean.toFixed(2)} %`);
