/** The training run that is killed: with everything that a checkpoint must hold. */
import { batches } from '../../../src/data/index.ts';
import {
  Adam,
  BatchNorm1d,
  CosineAnnealingLR,
  CrossEntropyLoss,
  Dropout,
  ExponentialMovingAverage,
  fit,
  Linear,
  manualSeed,
  ReLU,
  type Resumption,
  Sequential,
} from '../../../src/index.ts';
import { saveCheckpoint } from '../../../src/state/index.ts';
import { hashed } from '../../support/hashed.ts';

const SAMPLES = 200;

export function setUp() {
  manualSeed(7);
  const model = new Sequential(
    new Linear(64, 192, { bias: false }),
    new BatchNorm1d(192),
    new ReLU(),
    new Dropout(0.2),
    new Linear(192, 4),
  );
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
  const schedule = new CosineAnnealingLR(optimizer, { tMax: 50, unit: 'step' });
  const average = new ExponentialMovingAverage(model, { decay: 0.9 });
  return { model, optimizer, schedule, average };
}

export type Run = ReturnType<typeof setUp>;

const set = {
  inputs: {
    data: Float32Array.from(hashed(3, SAMPLES * 64), (u) => u - 0.5),
    shape: [SAMPLES, 64],
  },
  targets: Array.from({ length: SAMPLES }, (_, i) => i % 4),
};

/** Trains, and gives the bytes of a checkpoint after each step, with the number of steps so far. */
export async function* checkpoints(
  { model, optimizer, schedule, average }: Run,
  resume?: Resumption,
): AsyncGenerator<{ count: number; bytes(): Uint8Array<ArrayBuffer> }> {
  const data = batches(set, { batchSize: 30, shuffle: true, seed: 2 });
  const options = { loss: new CrossEntropyLoss(), optimizer, schedule, epochs: Infinity, resume };
  for await (const progress of fit(model, data, { ...options, epochs: 1e9 })) {
    average.update();
    const count = (progress.epoch - 1) * data.steps + progress.step;
    const parts = { model, optimizer, schedule, average, progress };
    yield { count, bytes: () => saveCheckpoint(parts, { count }) };
  }
}
