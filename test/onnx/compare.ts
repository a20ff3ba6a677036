import { expect } from 'vitest';
import { type Module, Tensor } from '../../src/index.ts';
import type { TestRandom } from '../support/random.ts';

/** Random parameters and buffers, so that none is a 1 or 0 that could be left out. */
export function shuffled(model: Module, random: TestRandom): Module {
  for (const [name, entry] of [...model.namedParameters(), ...model.namedBuffers()]) {
    const positive = /running_var|scale/.test(name);
    entry.data.set(
      Float32Array.from({ length: entry.size }, () => {
        return positive ? 0.5 + random.uniform() : 0.6 * random.normal();
      }),
    );
  }
  return model;
}

export function randomInput(shape: readonly number[], random: TestRandom): Tensor {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return Tensor.from(
    Float32Array.from({ length: size }, () => 1.5 * random.normal()),
    shape,
  );
}

/** No value may be off by more than 1e-5 of the largest: others sum in another order. */
export function expectClose(got: Tensor, expected: Tensor): void {
  expect(got.shape).toEqual(expected.shape);
  const [a, b] = [got.toArray(), expected.toArray()];
  const most = 1e-5 * b.reduce((max, value) => Math.max(max, Math.abs(value)), 1);
  for (const [i, value] of b.entries()) {
    if (!(Math.abs(a[i]! - value) <= most))
      expect.fail(`at ${i}: ${a[i]} is not within ${most} of ${value}`);
  }
}
