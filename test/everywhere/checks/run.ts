/**
 * The training run whose bits are the same everywhere: a convolutional network with dropout and Adam, 300
 * steps, and then all it has become. evenkeel is an argument, so that the tests of the sources run it
 * too.
 */
import type * as Evenkeel from 'evenkeel';
import type * as Data from 'evenkeel/data';
import { hashed } from '../../support/hashed.ts';

export interface Run {
  /** SHA-256 of weights, statistics, losses, moments and outputs, in hexadecimal. */
  hash: string;
  losses: number[];
}

export async function run(
  evenkeel: typeof Evenkeel,
  { batches }: Pick<typeof Data, 'batches'>,
): Promise<Run> {
  const { Adam, clipGradNorm, CrossEntropyLoss, manualSeed, OneCycleLR } = evenkeel;
  manualSeed(2026);
  const model = network(evenkeel);
  const loss = new CrossEntropyLoss({ labelSmoothing: 0.1 });
  const optimizer = new Adam(model.parameters(), { lr: 0.003, weightDecay: 1e-4 });
  const schedule = new OneCycleLR(optimizer, { maxLr: 0.01, totalSteps: 300 });
  // Every class has a pattern of its own, under noise.
  const patterns = hashed(1, 5 * 144);
  const targets = Int32Array.from(hashed(2, 120), (u) => Math.floor(u * 5));
  const noise = hashed(3, 120 * 144);
  const data = Float32Array.from(noise, (u, i) => {
    const pattern = patterns[targets[Math.floor(i / 144)]! * 144 + (i % 144)]!;
    return (pattern + u) * 2 - 2;
  });
  const inputs = { data, shape: [120, 1, 12, 12] };

  const losses: number[] = [];
  // Batches of 17, so that no sum is a round one: 8 an epoch, the last of a single sample left out.
  const samples = batches(
    { inputs, targets },
    { batchSize: 17, shuffle: true, seed: 5, dropLast: true },
  );
  while (losses.length < 300) {
    for (const batch of samples) {
      if (losses.length === 300) break;
      losses.push(loss.forward(model.forward(batch.inputs), batch.targets));
      optimizer.zeroGrad();
      model.backward(loss.backward());
      clipGradNorm(model.parameters(), 1);
      optimizer.step();
      if (losses.length < 300) schedule.step();
    }
  }
  const fingerprint = new Fingerprint();
  fingerprint.add('losses', Float64Array.from(losses));
  for (const [name, tensor] of Object.entries(model.stateDict())) {
    fingerprint.add(`${name} [${tensor.shape}]`, tensor.toArray());
  }
  for (const [index, moments] of Object.entries(optimizer.stateDict().state)) {
    for (const [name, tensor] of Object.entries(moments)) {
      fingerprint.add(`${index} ${name}`, tensor.toArray());
    }
  }
  fingerprint.add('logits', model.predict(inputs).toArray());
  // NaN has many bit patterns, which engines may choose; here it is one.
  const poisoned = {
    data: Float32Array.from(data.subarray(0, 144)).fill(Number.NaN, 3, 5),
    shape: [1, 1, 12, 12],
  };
  fingerprint.add('NaN', model.predict(poisoned).toArray());
  const hash = await fingerprint.digest();
  for (const thing of [model, loss, optimizer]) thing.dispose();
  return { hash, losses };
}

function network(evenkeel: typeof Evenkeel): Evenkeel.Sequential {
  const { BatchNorm1d, BatchNorm2d, Conv2d, Dropout, Dropout2d, Flatten, GELU, Linear } = evenkeel;
  const { AvgPool2d, MaxPool2d, PReLU, ReLU, Residual, Sequential, SiLU, Tanh } = evenkeel;
  return new Sequential(
    new Conv2d(1, 6, 3, { bias: false }),
    new BatchNorm2d(6),
    new ReLU(),
    new MaxPool2d(2),
    new Residual(
      new Sequential(
        new Conv2d(6, 6, 3, { padding: 1, groups: 2, bias: false }),
        new BatchNorm2d(6, { momentum: null }),
        new SiLU(),
      ),
    ),
    new Dropout2d(0.1),
    new AvgPool2d(3, { stride: 2, padding: 1 }),
    new PReLU(),
    new Flatten(),
    new Dropout(0.25),
    new Linear(54, 21, { bias: false }),
    new BatchNorm1d(21),
    new GELU(),
    new Linear(21, 13),
    new Tanh(),
    new Linear(13, 5),
  );
}

/** Names and numbers, little-endian, every NaN alike. */
class Fingerprint {
  private readonly parts: Uint8Array<ArrayBuffer>[] = [];

  add(name: string, values: Float32Array | Float64Array): void {
    const width = values.BYTES_PER_ELEMENT;
    const view = new DataView(new ArrayBuffer(values.length * width));
    for (const [i, value] of values.entries()) {
      const at = i * width;
      if (Number.isNaN(value))
        view.setUint32(at + width - 4, width === 4 ? 0x7fc00000 : 0x7ff80000, true);
      else if (width === 4) view.setFloat32(at, value, true);
      else view.setFloat64(at, value, true);
    }
    this.parts.push(new TextEncoder().encode(name), new Uint8Array(view.buffer));
  }

  async digest(): Promise<string> {
    const bytes = new Uint8Array(await new Blob(this.parts).arrayBuffer());
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }
}
