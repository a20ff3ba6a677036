import { expect, it } from 'vitest';
import { expectGradient } from '../support/gradient.ts';

it('expectGradient fails for a sign, a factor and a term left out', () => {
  const x = [0.3, -1.2, 2];
  const dy = [1, -0.5, 0.25];
  const of = (x: Float64Array) => x.map((v) => v * v + v);
  const right = x.map((v, i) => (2 * v + 1) * dy[i]!);
  expectGradient({ gradient: right, at: x, of, dy });
  const wrong = [right.map((g) => -g), right.map((g) => 2 * g), x.map((v, i) => 2 * v * dy[i]!)];
  for (const gradient of wrong) {
    expect(() => expectGradient({ gradient, at: x, of, dy })).toThrow(/3 of 3 differ/);
  }
  expect(() => expectGradient({ gradient: right.slice(1), at: x, of, dy })).toThrow('got 2');
});
