// What every bundle trains: a small CNN with batch norm, dropout and Adam on numbers made of integers.
import {
  Adam,
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  CrossEntropyLoss,
  Dropout,
  Flatten,
  fit,
  Linear,
  MaxPool2d,
  manualSeed,
  ReLU,
  Sequential,
} from 'evenkeel';
import { checkpointStore, loadCheckpoint, saveCheckpoint } from 'evenkeel/state';

const SAMPLES = 48;

const inputs = {
  data: Float32Array.from({ length: SAMPLES * 100 }, (_, i) => ((i * 7919) % 1009) / 504.5 - 1),
  shape: [SAMPLES, 1, 10, 10],
};
const targets = Int32Array.from({ length: SAMPLES }, (_, i) => (i * i) % 5);

/** A model, and what trains it. */
export function prepare(signal, checkpoint) {
  manualSeed(7);
  const model = new Sequential(
    new Conv2d(1, 6, 3, { bias: false }),
    new BatchNorm2d(6),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Dropout(0.25),
    new Linear(96, 20, { bias: false }),
    new BatchNorm1d(20),
    new ReLU(),
    new Linear(20, 5),
  );
  const optimizer = new Adam(model.parameters(), { lr: 0.01 });
  const { resume } = checkpoint ? loadCheckpoint(checkpoint, { model, optimizer }) : {};
  const options = {
    loss: new CrossEntropyLoss(),
    optimizer,
    epochs: 10,
    batchSize: 16,
    signal,
    resume,
  };
  return { model, optimizer, progress: fit(model, { inputs, targets }, options) };
}

/** Trains here and now, with an interruption, after which it has the same bits; the hash of all weights and statistics. */
export async function train() {
  const { model, progress } = prepare(undefined, await halfway());
  for await (const step of progress) if (!(step.loss > 0)) throw new Error(`loss ${step.loss}`);
  return digest(model.stateDict());
}

/** The bytes of a checkpoint in the middle of the fifth epoch, stored where there is a place for it. */
async function halfway() {
  const { model, optimizer, progress } = prepare();
  for await (const step of progress) {
    if (step.epoch < 5 || step.step < 2) continue;
    const bytes = saveCheckpoint({ model, optimizer, progress: step });
    const store = checkpointStore('halfway.safetensors');
    try {
      await store.write(bytes);
    } catch {
      return bytes; // an edge, or a folder that is not ours
    }
    const read = await store.read();
    await store.remove();
    return read;
  }
}

/** SHA-256 of a state dict, as hexadecimal text. */
export async function digest(state) {
  const parts = Object.entries(state).flatMap(([name, tensor]) => [
    new TextEncoder().encode(`${name} ${tensor.shape} `),
    tensor.toArray(),
  ]);
  const bytes = await new Blob(parts).arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
