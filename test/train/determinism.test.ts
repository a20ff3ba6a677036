/** Two runs with one seed give the same bytes, and what must not matter does not. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as data from '../../src/data/index.ts';
import * as evenkeel from '../../src/index.ts';
import {
  Adam,
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  CrossEntropyLoss,
  Dropout,
  Flatten,
  Linear,
  MaxPool2d,
  type Module,
  manualSeed,
  Parameter,
  ReLU,
  Sequential,
  Softmax,
  Tensor,
} from '../../src/index.ts';
import { PINNED } from '../everywhere/checks/pinned.ts';
import { run } from '../everywhere/checks/run.ts';
import { TestRandom } from '../support/random.ts';

const random = new TestRandom(20);
// From uniforms alone: the harness's normals use Math.log, which engines round differently.
const images = random.uniforms(24 * 1 * 12 * 12, -1, 1);
const labels = Int32Array.from({ length: 24 }, () => random.integer(5));

function convolutional(): Sequential {
  return new Sequential(
    new Conv2d(1, 6, 3, { bias: false }),
    new BatchNorm2d(6),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Dropout(0.25),
    new Linear(150, 20, { bias: false }),
    new BatchNorm1d(20),
    new ReLU(),
    new Linear(20, 5),
  );
}

/** 20 steps of Adam over three batches of 8, from `seed`. */
function train(seed: number, model: Module): void {
  manualSeed(seed);
  using loss = new CrossEntropyLoss();
  using optimizer = new Adam(model.parameters(), { lr: 0.01 });
  for (let step = 0; step < 20; step++) {
    const at = (step % 3) * 8;
    const inputs = { data: images.subarray(at * 144, (at + 8) * 144), shape: [8, 1, 12, 12] };
    loss.forward(model.forward(inputs), labels.subarray(at, at + 8));
    optimizer.zeroGrad();
    model.backward(loss.backward());
    optimizer.step();
  }
}

/** SHA-256 of all weights and statistics in the state dict's order, little-endian, every NaN alike. */
function fingerprint(model: Module): string {
  const hash = createHash('sha256');
  for (const [name, tensor] of Object.entries(model.stateDict())) {
    const bytes = new DataView(new ArrayBuffer(tensor.size * 4));
    for (const [i, value] of tensor.toArray().entries()) {
      if (Number.isNaN(value)) bytes.setUint32(i * 4, 0x7fc00000, true);
      else bytes.setFloat32(i * 4, value, true);
    }
    hash.update(`${name} [${tensor.shape}] ${Buffer.from(bytes.buffer).toString('base64')}\n`);
  }
  return hash.digest('hex');
}

function trained(seed: number): string {
  manualSeed(seed);
  using model = convolutional();
  train(seed, model);
  return fingerprint(model);
}

describe('a training run with batch norm, dropout and Adam', () => {
  it('gives the same bytes from the same seed, and others from another', () => {
    const first = trained(7);
    expect(trained(7)).toBe(first);
    expect(trained(8)).not.toBe(first);
  });

  it('gives the bytes that every runtime must give', async () => {
    expect((await run(evenkeel, data)).hash).toBe(PINNED);
  });

  it('does not depend on gaps between parameters, nor on where the workspace stands', () => {
    const expected = trained(7);
    const gaps: Parameter[] = [];
    manualSeed(7);
    const parts = [...convolutionalParts(gaps)];
    using model = new Sequential(...parts);
    // The first half of the gaps is given back, so that later blocks stand before earlier ones.
    for (const gap of gaps.splice(0, 3)) gap.dispose();
    train(7, model);
    expect(fingerprint(model)).toBe(expected);
    for (const gap of gaps) gap.dispose();
  });

  it('does not depend on the order of construction', () => {
    const run = (backwards: boolean): string => {
      const make = [
        () => new Conv2d(1, 6, 3, { bias: false }),
        () => new BatchNorm2d(6),
        () => new Flatten(),
        () => new Linear(600, 5),
      ];
      const layers: Module[] = [];
      for (const i of backwards ? [3, 2, 1, 0] : [0, 1, 2, 3]) layers[i] = make[i]!();
      using model = new Sequential(...layers);
      const weights = new TestRandom(3);
      for (const parameter of model.parameters()) {
        const { shape, size } = parameter;
        parameter.assign(Tensor.from(weights.uniforms(size, -0.2, 0.2), shape));
      }
      train(1, model);
      return fingerprint(model);
    };
    expect(run(true)).toBe(run(false));
  });
});

/** The layers of `convolutional`, each with a parameter of another size behind it. */
function* convolutionalParts(gaps: Parameter[]): Generator<Module> {
  const makers: (() => Module)[] = [
    () => new Conv2d(1, 6, 3, { bias: false }),
    () => new BatchNorm2d(6),
    () => new ReLU(),
    () => new MaxPool2d(2),
    () => new Flatten(),
    () => new Dropout(0.25),
    () => new Linear(150, 20, { bias: false }),
    () => new BatchNorm1d(20),
    () => new ReLU(),
    () => new Linear(20, 5),
  ];
  for (const [i, make] of makers.entries()) {
    yield make();
    gaps.push(new Parameter(Tensor.zeros([1 + 37 * i])));
  }
}

describe('a row in evaluation has the same bits alone and in a batch of 100', () => {
  const models: [string, number[], () => Sequential][] = [
    [
      'MLP with softmax',
      [37],
      () =>
        new Sequential(
          new Linear(37, 50, { bias: false }),
          new BatchNorm1d(50),
          new ReLU(),
          new Linear(50, 11),
          new Softmax(),
        ),
    ],
    ['CNN with softmax', [1, 12, 12], () => new Sequential(...convolutional(), new Softmax())],
  ];
  it.each(models)('%s, by predict and by forward', (_, shape, make) => {
    manualSeed(4);
    using model = make();
    const size = shape.reduce((a, b) => a * b);
    const rows = new TestRandom(5).normals(100 * size);
    model.forward({ data: rows, shape: [100, ...shape] }); // statistics away from 0 and 1
    const whole = bits(model.predict({ data: rows, shape: [100, ...shape] }));
    model.eval();
    expect(bits(model.forward({ data: rows, shape: [100, ...shape] }))).toEqual(whole);
    const width = whole.length / 100;
    for (const row of [0, 1, 42, 97, 99]) {
      const alone = { data: rows.subarray(row * size, (row + 1) * size), shape: [1, ...shape] };
      const expected = whole.subarray(row * width, (row + 1) * width);
      expect(bits(model.predict(alone))).toEqual(expected);
      expect(bits(model.forward(alone))).toEqual(expected);
    }
  });
});

function bits(tensor: Tensor): Uint32Array {
  return new Uint32Array(tensor.toArray().buffer);
}
