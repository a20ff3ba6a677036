import { batches, StandardScaler } from '../../../src/data/index.ts';
import {
  Adam,
  BatchNorm1d,
  CrossEntropyLoss,
  Dropout,
  ExponentialMovingAverage,
  fit,
  Generator,
  Linear,
  manualSeed,
  Sequential,
  StepLR,
} from '../../../src/index.ts';
import { seal } from '../../../src/state/checkpoint/checksum.ts';
import { loadCheckpoint, saveCheckpoint } from '../../../src/state/index.ts';
import type { FileReader } from './reader.ts';
import { safetensorsFile } from './safetensors.ts';

/** A run with every kind of part. */
function run(seed: number) {
  manualSeed(seed);
  const dropout = new Dropout(0.5, { generator: new Generator(seed) });
  const model = new Sequential(new Linear(3, 4), new BatchNorm1d(4), dropout);
  const optimizer = new Adam(model.parameters(), { lr: 0.01 * seed });
  const schedule = [new StepLR(optimizer, { stepSize: 2 })];
  const average = new ExponentialMovingAverage(model);
  const inputs = { data: Float32Array.from({ length: 12 }, (_, i) => i / seed), shape: [4, 3] };
  const data = batches({ inputs, targets: [0, 1, 2, 3] }, { batchSize: 2, shuffle: true, seed });
  const scaler = new StandardScaler().fit(inputs);
  model.backward(model.forward(inputs));
  optimizer.step();
  for (const _ of data) break;
  return { model, optimizer, schedule, average, batches: data, scaler };
}

/** A checkpoint of a run of `fit` with gradients that wait and weights to restore. */
async function duringFit(): Promise<Uint8Array<ArrayBuffer>> {
  const parts = run(4);
  const inputs = { data: Float32Array.from({ length: 12 }, (_, i) => i), shape: [4, 3] };
  const set = { inputs, targets: [0, 1, 2, 3] };
  const { model, optimizer } = parts;
  const training = fit(model, set, {
    ...{ loss: new CrossEntropyLoss(), optimizer, batchSize: 2, epochs: 2, accumulate: 2 },
    ...{ validation: set, restoreBest: true },
  });
  for await (const progress of training) {
    if (progress.epoch === 2) return saveCheckpoint({ ...parts, progress });
  }
  throw new Error('the second epoch has steps');
}

const target = run(2);
const during = await duringFit();
const headerEnd = (file: Uint8Array<ArrayBuffer>) =>
  8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));

export const checkpoint: FileReader = {
  name: 'loadCheckpoint',
  seeds: () => [
    saveCheckpoint(run(1), { classNames: ['a', 'b'], best: Infinity }),
    saveCheckpoint(run(3)),
    during,
  ],
  read: (bytes) => loadCheckpoint(bytes, target),
  untouched: () => Buffer.from(saveCheckpoint(target)).toString('base64'),
  bytesPerByte: 32, // tensors as float32, copied by each part, and what the parts have now
  // Behind the checksum: the header, whose texts of JSON stand in it without escapes.
  inside: {
    open: (file) => unescaped(file.slice(8, headerEnd(file))),
    close: (header, file) => {
      const closed = safetensorsFile(escaped(header), file.subarray(headerEnd(file)));
      try {
        seal(closed);
      } catch {
        // The checksum's place is gone.
      }
      return closed;
    },
  },
};

const START = '"evenkeel":"';
const END = '","checksum"';

/** The header with the text of JSON in it as it was before JSON escaped it. */
function unescaped(header: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return within(header, (text) => JSON.parse(`"${text}"`));
}

function escaped(header: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return within(header, (text) => JSON.stringify(text).slice(1, -1));
}

function within(
  header: Uint8Array<ArrayBuffer>,
  change: (text: string) => string,
): Uint8Array<ArrayBuffer> {
  const all = Buffer.from(header).toString('latin1');
  const [from, to] = [all.indexOf(START) + START.length, all.lastIndexOf(END)];
  if (from < START.length || to < from) return header;
  const changed = all.slice(0, from) + change(all.slice(from, to)) + all.slice(to);
  return Uint8Array.from(Buffer.from(changed, 'latin1'));
}
