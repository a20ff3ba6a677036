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
  readonly kept: readonly unknown[];
}

/** Three steps of training, and a prediction. Nothing is released, so that a second run stands elsewhere. */
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
  return { numbers, addresses, kept: [model, loss, optimizer] };
}

/** Takes what is free, up to `end`. */
function fillUpTo(end: number): Block {
  let bytes = end - memoryUsage().used;
  for (;;) {
    try {
      return new Block(bytes);
    } catch {
      bytes -= 64; // what is not counted as used, but cannot be had
    }
  }
}

describe('a training step has the same bits', () => {
  train(); // what all models share now has its place
  const before = memoryUsage().used;
  const low = train();
  const needed = memoryUsage().used - before;

  it('at the start of memory', () => {
    for (const address of low.addresses) expect(address).toBeLessThan(2 ** 28);
  });

  it('above 2 GiB', () => {
    const ballast = new Block(2 ** 31);
    const { numbers, addresses } = train();
    for (const address of addresses) expect(address).toBeGreaterThanOrEqual(2 ** 31);
    expect(numbers).toEqual(low.numbers);
    ballast.release();
  });

  it('across 2 GiB, in any place', () => {
    for (const part of [0.2, 0.5, 0.8]) {
      const ballast = fillUpTo(2 ** 31 - Math.floor((part * needed) / 64) * 64);
      const { numbers } = train();
      expect(numbers).toEqual(low.numbers);
      ballast.release();
    }
  });

  it('at the end of memory', () => {
    const ballast = fillUpTo(MAX_BYTES - needed);
    const { numbers, addresses } = train();
    expect(Math.max(...addresses)).toBeGreaterThan(MAX_BYTES - 2 * needed);
    expect(numbers).toEqual(low.numbers);
    expect(() => new Block(2 ** 20)).toThrow(/linear memory cannot grow/);
    ballast.release();
  });
});
