import { describe, expect, it } from 'vitest';
import { randomSplit } from '../../src/data/index.ts';
import { Generator, manualSeed } from '../../src/tensor/random.ts';
import { Tensor } from '../../src/tensor/tensor.ts';

/** Sample i is [i, i + ½], and its class is i. */
const samples = (n: number) => ({
  inputs: {
    data: Float64Array.from({ length: 2 * n }, (_, i) => Math.floor(i / 2) + (i % 2) / 2),
    shape: [n, 2],
  },
  targets: Uint8Array.from({ length: n }, (_, i) => i),
});

describe('randomSplit', () => {
  it('gives each sample to one part, with its target, in the order of the generator', () => {
    const parts = randomSplit(samples(10), [7, 3], { seed: 5 });
    const order = [...new Generator(5).permutation(10)];
    expect(parts.map(({ targets }) => [...targets])).toEqual([order.slice(0, 7), order.slice(7)]);
    for (const { inputs, targets } of parts) {
      expect(inputs.shape).toEqual([targets.length, 2]);
      expect([...inputs.data]).toEqual([...targets].flatMap((i) => [i, i + 0.5]));
    }
  });

  it.each([
    [10, [0.8, 0.2], [8, 2]],
    [10, [0.5, 0.25, 0.25], [6, 2, 2]],
    [11, [1 / 3, 1 / 3, 1 / 3], [4, 4, 3]],
    [29, [0.1, 0.9], [3, 26]],
    [10, [1], [10]],
    [10, [10], [10]],
    [5, [2, 2, 1], [2, 2, 1]],
  ])('of %d samples %j are %j, as in PyTorch', (n, lengths, counts) => {
    const parts = randomSplit(samples(n), lengths);
    expect(parts.map(({ targets }) => targets.length)).toEqual(counts);
    expect(parts.flatMap(({ targets }) => [...targets]).sort((a, b) => a - b)).toEqual(
      Array.from({ length: n }, (_, i) => i),
    );
  });

  it('keeps the types, draws from the default generator, and may keep the order', () => {
    manualSeed(9);
    const [first] = randomSplit(samples(8), [0.5, 0.5]);
    manualSeed(9);
    expect(randomSplit(samples(8), [0.5, 0.5])[0]).toEqual(first);
    expect(randomSplit(samples(8), [0.5, 0.5])[0]).not.toEqual(first);
    expect(first!.inputs.data).toBeInstanceOf(Float64Array);
    expect(first!.targets).toBeInstanceOf(Uint8Array);
    const inputs = Tensor.from([1, 2, 3, 4], [4, 1]);
    const [a, b] = randomSplit({ inputs, targets: [5, 6, 7, 8] }, [3, 1], { shuffle: false });
    expect(a!.inputs).toBeInstanceOf(Tensor);
    expect([...a!.inputs.toArray()]).toEqual([1, 2, 3]);
    expect(b).toMatchObject({ targets: [8] });
    const targets = { data: new Float32Array([1, 2, 3, 4]), shape: [4, 1] };
    const [c] = randomSplit({ inputs, targets }, [2, 2], { shuffle: false });
    expect(c!.targets).toEqual({ data: new Float32Array([1, 2]), shape: [2, 1] });
    const bytes = { inputs: { data: Buffer.from([1, 2]), shape: [2] }, targets: [0, 1] };
    expect(randomSplit(bytes, [1, 1], { shuffle: false })[1]!.inputs.data).toEqual(
      Uint8Array.of(2),
    );
  });

  it.each([
    [
      [5, 4],
      'lengths expected numbers that add up to 10, or fractions that add up to 1, got a sum of 9',
    ],
    [[0.5, 0.4], 'got a sum of 0.9'],
    [[1, 1e-9], 'lengths expected a whole number ≥ 1, got 0'],
    [[10, 0], 'lengths expected a whole number ≥ 1, got 0'],
    [[9.5, 0.5], 'lengths expected a whole number ≥ 1, got 9.5'],
    [[-1, 11], 'lengths expected a number ≥ 0, got -1'],
    [0.8, 'lengths expected a list such as [0.8, 0.2], got the number 0.8'],
    [[], 'lengths expected a list such as [0.8, 0.2], got an array of 0'],
  ])('refuses %j', (lengths, message) => {
    expect(() => randomSplit(samples(10), lengths as number[])).toThrow(message);
  });

  it('refuses what is no data set', () => {
    const split = (dataset: unknown) => () => randomSplit(dataset as never, [1, 1]);
    expect(split(7)).toThrow('expected { inputs, targets }, got the number 7');
    expect(split({ inputs: Tensor.zeros([2]), targets: null })).toThrow(
      'targets expected an array, a Tensor or { data, shape }, got null',
    );
    expect(split({ inputs: Tensor.zeros([2]), targets: [1] })).toThrow(
      'expected 2 targets, one for each input, got 1',
    );
  });
});
