import { describe, expect, it } from 'vitest';
import { batches } from '../../src/data/index.ts';
import { defaultGenerator, Generator, manualSeed } from '../../src/tensor/random.ts';
import { Tensor } from '../../src/tensor/tensor.ts';

/** Sample i is [i, i + ½] and its class is i. */
function samples(n: number) {
  const data = Float32Array.from({ length: 2 * n }, (_, i) => (i % 2) / 2 + Math.floor(i / 2));
  return {
    inputs: { data, shape: [n, 1, 2] },
    targets: Uint8Array.from({ length: n }, (_, i) => i),
  };
}

const epochOf = (data: Iterable<{ targets: Int32Array }>) =>
  Array.from(data, ({ targets }) => [...targets]);

describe('batches', () => {
  it('gives every sample once, in order, the last batch smaller', () => {
    const data = batches(samples(8), { batchSize: 3, scale: 2 });
    expect(data).toMatchObject({ size: 8, steps: 3, batchSize: 3 });
    const seen = Array.from(data, ({ inputs, targets }) => ({
      values: [...inputs.data],
      shape: inputs.shape,
      targets: [...targets],
    }));
    expect(seen).toEqual([
      { values: [0, 1, 2, 3, 4, 5], shape: [3, 1, 2], targets: [0, 1, 2] },
      { values: [6, 7, 8, 9, 10, 11], shape: [3, 1, 2], targets: [3, 4, 5] },
      { values: [12, 13, 14, 15], shape: [2, 1, 2], targets: [6, 7] },
    ]);
  });

  it('drops the last where asked, and takes a batch larger than the data', () => {
    expect(epochOf(batches(samples(8), { batchSize: 3, dropLast: true }))).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(epochOf(batches(samples(2), { batchSize: 32 }))).toEqual([[0, 1]]);
    expect(epochOf(batches(samples(2), { batchSize: 2 }))).toEqual([[0, 1]]);
  });

  it('shuffles each epoch anew and the same for one seed, inputs with their targets', () => {
    const options = { batchSize: 7, shuffle: true, seed: 5 };
    const data = batches(samples(50), options);
    const again = batches(samples(50), options);
    const epochs = [0, 1, 2].map(() => {
      const order: number[] = [];
      for (const { inputs, targets } of data) {
        targets.forEach((target, i) => {
          expect(inputs.data[2 * i]).toBe(target);
          expect(inputs.data[2 * i + 1]).toBe(target + 0.5);
        });
        order.push(...targets);
      }
      return order;
    });
    for (const order of epochs) {
      expect([...order].sort((a, b) => a - b)).toEqual([...samples(50).targets]);
    }
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(epochs[1]).not.toEqual(epochs[2]);
    expect([0, 1, 2].map(() => epochOf(again).flat())).toEqual(epochs);
    expect(epochOf(batches(samples(50), { ...options, seed: 6 })).flat()).not.toEqual(epochs[0]);
  });

  it('draws from a generator, the default one unless told', () => {
    const seeded = epochOf(batches(samples(20), { shuffle: true, seed: 3 }));
    const generator = new Generator(3);
    expect(epochOf(batches(samples(20), { shuffle: true, generator }))).toEqual(seeded);
    const before = defaultGenerator.state;
    manualSeed(3);
    expect(epochOf(batches(samples(20), { shuffle: true }))).toEqual(seeded);
    defaultGenerator.state = before;
    expect(epochOf(batches(samples(20)))).not.toEqual(seeded);
    expect(defaultGenerator.state).toEqual(before);
  });

  it('reuses its arrays', () => {
    const data = batches(samples(10), { batchSize: 4, shuffle: true, seed: 1 });
    const held = new Set<unknown>();
    for (let epoch = 0; epoch < 3; epoch++) {
      for (const { inputs, targets } of data) held.add(inputs.data).add(targets);
    }
    expect(held.size).toBe(4); // inputs and targets, of a full batch and of the last
    expect(new Set([...held].map((array) => (array as Float32Array).buffer)).size).toBe(2);
  });

  it('gives classes as whole numbers and values as floats, shaped', () => {
    const { inputs } = samples(4);
    const first = <T>(all: Iterable<T>): T => [...all][0]!;
    expect(first(batches({ inputs, targets: [3, 1, 2, 0] })).targets).toEqual(
      Int32Array.of(3, 1, 2, 0),
    );
    const labels = { data: Uint8Array.of(1, 2, 3, 4), shape: [4] };
    expect(first(batches({ inputs, targets: labels })).targets).toEqual(Int32Array.of(1, 2, 3, 4));
    const dense = { data: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8), shape: [4, 2] };
    expect(first(batches({ inputs, targets: dense }, { batchSize: 2 })).targets).toEqual(
      Int32Array.of(5, 6, 7, 8), // the buffer after the second batch
    );
    const values = Float64Array.of(0.5, 1, 2, 3);
    expect(first(batches({ inputs, targets: values })).targets).toEqual({
      data: Float32Array.from(values),
      shape: [4],
    });
    const tensor = Tensor.from([[1], [2], [3], [4.5]]);
    const fromTensors = batches({ inputs: Tensor.zeros([4, 3]), targets: tensor });
    expect(first(fromTensors)).toEqual({
      inputs: { data: new Float32Array(12), shape: [4, 3] },
      targets: { data: tensor.toArray(), shape: [4, 1] },
    });
  });

  it('says what does not fit', () => {
    const { inputs, targets } = samples(4);
    const fails = (what: () => unknown, message: string) => expect(what).toThrow(message);
    fails(
      () => batches({ inputs, targets: targets.subarray(1) }),
      'batches: expected 4 targets, one for each input, got 3',
    );
    fails(
      () => batches({ inputs, targets }, { batchSize: 0 }),
      'batchSize expected a whole number',
    );
    fails(
      () => batches({ inputs, targets }, { batchSize: 5, dropLast: true }),
      'expected at least 5 samples, got 4',
    );
    fails(
      () => batches({ inputs: { data: [], shape: [0, 2] }, targets: [] }),
      'inputs expected at least one sample, got [0, 2]',
    );
    fails(
      () => batches({ inputs, targets }, { seed: 1, generator: new Generator(1) }),
      'a seed or a generator',
    );
    fails(
      () => batches({ inputs: { data: inputs.data, shape: [4, 3] }, targets }),
      'batches: inputs: shape [4, 3] expected 12 elements, got 8',
    );
    fails(() => batches({ inputs, targets: [0, 1, 2, 0.5] }), 'got the number 0.5 at [3]');
    fails(() => batches({ inputs, targets: 'abcd' as never }), 'targets expected an array');
  });
});
