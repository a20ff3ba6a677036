// What the examples learn: on which of three arms of a spiral a point of the plane lies.
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

/** From one point to the next: a third of a turn, to the next arm, and 1/300 turn onwards. */
const COS = -0.5180270093731301;
const SIN = 0.8553642601605067;

/** 300 points. By rotations alone, since engines differ in the last bits of Math.sin. */
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

/** A new network, and what trains it: fit's progress, step by step. */
export function training({ inputs, targets }, { epochs = 40, signal } = {}) {
  manualSeed(1);
  const model = network();
  const loss = new CrossEntropyLoss();
  const optimizer = new Adam(model.parameters(), { lr: 0.01 });
  const options = { loss, optimizer, epochs, batchSize: 50, signal };
  return { model, loss, optimizer, progress: fit(model, { inputs, targets }, options) };
}
