import { expect, it } from 'vitest';
import { Generator, rand, randn } from '../../src/index.ts';

it('draws tensors: the numbers of randn and rand, moved and scaled', () => {
  const [a, b] = [new Generator(5), new Generator(5)];
  expect(a.normal([3, 5]).toArray()).toEqual(randn([3, 5], { generator: b }).toArray());
  expect(a.uniform([7]).toArray()).toEqual(rand([7], { generator: b }).toArray());
  expect(a.state).toEqual(b.state);
  const values = a.normal([10000], { mean: 3, std: 2 }).toArray();
  expect(values.reduce((s, v) => s + v, 0) / 10000).toBeCloseTo(3, 1);
  const [low, high] = [-2, 5];
  for (const v of a.uniform([1000], { low, high }).toArray())
    expect(v >= low && v < high).toBe(true);
});

it('draws whole numbers, each of them', () => {
  const generator = new Generator(1);
  const found = new Set(generator.integers([50, 20], 4, { low: -3 }).toArray());
  expect([...found].sort((a, b) => a - b)).toEqual([-3, -2, -1, 0, 1, 2, 3]);
  expect(() => generator.integers([2], 0)).toThrow('Generator.integers: high');
  expect(() => generator.integers([2], 2 ** 24 + 1)).toThrow('high');
});
