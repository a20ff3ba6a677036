import {
  BatchNorm1d,
  CrossEntropyLoss,
  Linear,
  manualSeed,
  ReLU,
  Sequential,
  SGD,
} from '../../src/index.ts';
import { TestRandom } from './random.ts';

/** Three clouds of points in the plane. */
export function clouds(n: number, spread = 0.5) {
  const random = new TestRandom(7);
  const targets = Int32Array.from({ length: n }, (_, i) => i % 3);
  const data = new Float32Array(2 * n);
  targets.forEach((c, i) => {
    data[2 * i] = random.normal() * spread + [0, 3, -3][c]!;
    data[2 * i + 1] = random.normal() * spread + [3, -2, -2][c]!;
  });
  return { inputs: { data, shape: [n, 2] }, targets };
}

/** A network that tells them apart. */
export function network() {
  manualSeed(3);
  return new Sequential(
    new Linear(2, 16, { bias: false }),
    new BatchNorm1d(16),
    new ReLU(),
    new Linear(16, 3),
  );
}

/** The network, and what trains it. */
export function setup(lr = 0.1) {
  const model = network();
  return { model, loss: new CrossEntropyLoss(), optimizer: new SGD(model.parameters(), { lr }) };
}
