// The task of the examples: to learn which of the three arms of a spiral a point is on.
import {
  Adam,
  BatchNorm1d,
  CrossEntropyLoss,
  fit,
  Linear,
  manualSeed,
  ReLU,
  Sequential,
} from 'evenkeel';

/** The rotation from one point to the next: 1/3 turn, to the next arm, plus 1/300 turn along it. */
const COS = -0.5180270093731301;
const SIN = 0.8553642601605067;

/** 300 points. They are computed by rotation, because engines differ in the last bits of Math.sin. */
export function spiral() {
  const data = new Float32Array(600);
  const targets = new Uint8Array(300);
  for (let i = 0, x = 1, y = 0; i < 300; i++, [x, y] = [COS * x - SIN * y, SIN * x + COS * y]) {
    const radius = (i + ((i * 5) % 37)) / 340;
    data[2 * i] = radius * x;
    data[2 * i + 1] = radius * y;
    targets[i] = i % 3;
  }
  return { inputs: { data, shape: [300, 2] }, targets };
}

export function network() {
  return new Sequential(
    new Linear(2, 16, { bias: false }),
    new BatchNorm1d(16),
    new ReLU(),
    new Linear(16, 16, { bias: false }),
    new BatchNorm1d(16),
    new ReLU(),
    new Linear(16, 3),
  );
}

/** Creates a network, and returns it with its loss, its optimizer and the progress of `fit`. */
export function training({ inputs, targets }, { epochs = 40, signal } = {}) {
  manualSeed(1);
  const model = network();
  const loss = new CrossEntropyLoss();
  const optimizer = new Adam(model.parameters(), { lr: 0.01 });
  const options = { loss, optimizer, epochs, batchSize: 50, signal };
  return { model, loss, optimizer, progress: fit(model, { inputs, targets }, options) };
}
