/**
 * Linear memory above 2 GiB, where an address or a size that is taken for signed is negative, and up to its
 * end.
 */
import { describe, expect, it } from 'vitest';
import {
  Adam,
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  CrossEntropyLoss,
  Flatten,
  GroupNorm,
  LayerNorm,
  Linear,
  type Loss,
  MaxPool2d,
  type Module,
  manualSeed,
  memoryUsage,
  ReLU,
  Sequential,
  Softmax,
} from '../../src/index.ts';
import { Block } from '../../src/memory/memory.ts';
import { MAX_BYTES } from '../../src/runtime/engine.ts';
import { TestRandom } from '../support/random.ts';

/** Every kind of array: parameters, buffers, activations, saved tensors, scratch, gradients, moments. */
function network(): Module {
  manualSeed(7);
  return new Sequential(
    new Conv2d(1, 6, 3, { padding: 1 }),
    new BatchNorm2d(6),
    new ReLU(),
    new MaxPool2d(2),
    new Conv2d(6, 8, 3, { stride: 2, bias: false }),
    new GroupNorm(2, 8),
    new ConvTranspose2d(8, 4, 2, { stride: 2 }),
    new Softmax(1),
    new Flatten(),
    new LayerNorm(4 * 6 * 6),
    new Linear(4 * 6 * 6, 10),
  );
}

interface Run {
  readonly numbers: readonly number[];
  /** Addresses of what the run used. */
  readonly addresses: readonly number[];
  release(): void;
}

/** Three steps of training, and a prediction. Until it is released, a second run stands elsewhere. */
function train(): Run {
  const random = new TestRandom(3);
  const n = 9;
  const model = network();
  const loss: Loss<ArrayLike<number>> = new CrossEntropyLoss();
  const optimizer = new Adam(model.parameters(), { lr: 1e-2 });
  const numbers: number[] = [];
  const x = { data: random.normals(n * 14 * 14), shape: [n, 1, 14, 14] };
  const labels = Array.from({ length: n }, () => random.integer(10));
  const addresses: number[] = [];
  for (let step = 0; step < 3; step++) {
    const y = model.forward(x);
    addresses.push((y as unknown as { place: { ptr: number } }).place.ptr);
    numbers.push(...y.toArray(), loss.forward(y, labels));
    optimizer.zeroGrad();
    const gradient = loss.backward();
    addresses.push((gradient as unknown as { place: { ptr: number } }).place.ptr);
    const [dx] = [model.backward(gradient)].flat();
    numbers.push(...dx!.toArray());
    for (const { grad } of model.parameters()) numbers.push(...grad!.toArray());
    optimizer.step();
  }
  for (const tensor of Object.values(model.stateDict())) numbers.push(...tensor.toArray());
  numbers.push(...model.predict(x).toArray());
  for (const parameter of model.parameters()) addresses.push(parameter.ptr, parameter.gradPtr);
  loss.forward(model.forward(x), labels); // a step that is not over keeps its memory from other models
  const release = () => {
    for (const thing of [optimizer, loss, model]) thing.dispose();
  };
  return { numbers, addresses, release };
}

describe('a training step has the same bits', () => {
  train().release(); // what all models share now has its place
  const before = memoryUsage().used;
  const low = train();
  const needed = memoryUsage().used - before;

  it('at the start of memory', () => {
    for (const address of low.addresses) expect(address).toBeLessThan(2 ** 28);
  });

  /** Runs with the first `bytes` after the low run taken. */
  function trainAfter(bytes: number): Run {
    const ballast = new Block(Math.floor(bytes / 64) * 64);
    const run = train();
    run.release();
    ballast.release();
    expect(run.numbers).toEqual(low.numbers);
    return run;
  }

  it('above 2 GiB', () => {
    for (const address of trainAfter(2 ** 31).addresses)
      expect(address).toBeGreaterThanOrEqual(2 ** 31);
  });

  it('across 2 GiB, in any place', () => {
    for (const part of [0.2, 0.4, 0.6, 0.8]) {
      const { addresses } = trainAfter(2 ** 31 - memoryUsage().used - part * needed);
      expect(Math.min(...addresses)).toBeLessThan(2 ** 31);
      expect(Math.max(...addresses)).toBeGreaterThan(2 ** 31 - needed);
    }
  });

  it('at the end of memory', () => {
    const { addresses } = trainAfter(MAX_BYTES - memoryUsage().used - 1.25 * needed);
    expect(Math.max(...addresses)).toBeGreaterThan(MAX_BYTES - needed);
  });
});

describe('one image of 13,500²', () => {
  const size = 13_500;

  it('has the right pixels, or is refused with the bytes that the step needs', () => {
    const conv = new Conv2d(1, 1, 3, { padding: 1 });
    const data = new Float32Array(size * size);
    for (let i = 0; i < data.length; i++) data[i] = (i % 251) - 125;
    const weight = Float32Array.from([1, -2, 3, -4, 5, -6, 7, -8, 9]);
    conv.loadStateDict({
      weight: { data: weight, shape: [1, 1, 3, 3] },
      bias: { data: [0.5], shape: [1] },
    });
    const x = { data, shape: [1, 1, size, size] };
    expect(() => conv.forward(x)).toThrow(
      /^Conv2d\(1, 1, 3\): a step of 4\.\d\d GiB expected below 4 GiB, with .* on \[1, 1, 13500, 13500\]/,
    );
    const y = conv.predict(x).toArray();
    const pixel = (row: number, column: number) =>
      row >= 0 && column >= 0 && row < size && column < size ? data[row * size + column]! : 0;
    let wrong = 0;
    for (let i = 0; i < size; i++) {
      // All pixels of some rows, and some pixels of all rows: whole numbers, so the sums are exact.
      const step = i % 97 === 0 || i === size - 1 ? 1 : 101;
      for (let j = i % step; j < size; j += step) {
        let sum = 0.5;
        for (let t = 0; t < 9; t++) {
          sum += weight[t]! * pixel(i + Math.floor(t / 3) - 1, j + (t % 3) - 1);
        }
        if (y[i * size + j] !== sum) wrong++;
      }
    }
    expect(wrong).toBe(0);
    conv.dispose();
  });
});
