/** Memory that cannot be had at the first use of the package: the second try is as the first would have been. */
import { beforeEach, expect, it, vi } from 'vitest';

beforeEach(() => {
  vi.resetModules();
});

/** The package and its allocator as if imported for the first time. */
async function fresh() {
  const evenkeel = await import('../../src/index.ts');
  const { Injector } = await import('./faults.ts');
  return { ...evenkeel, Injector };
}

it('a draw that gets no scratch has drawn nothing', async () => {
  const expected = [...(await fresh()).defaultGenerator.permutation(9)];
  for (const at of [1, 2]) {
    vi.resetModules();
    const { defaultGenerator, Injector } = await fresh();
    const injector = new Injector(new Set([at]));
    const permutation = () => injector.during('allocate', () => defaultGenerator.permutation(9));
    expect(permutation).toThrow(`fault at call ${at}`);
    expect([...permutation()]).toEqual(expected);
  }
});

it('memory that cannot be had at the start may be had later', async () => {
  const { Linear, Tensor } = await fresh();
  const { Memory } = WebAssembly;
  const refuse = vi.spyOn(WebAssembly, 'Memory').mockImplementation(() => {
    throw new RangeError('no memory');
  });
  expect(() => new Linear(2, 2)).toThrow();
  refuse.mockRestore();
  expect(WebAssembly.Memory).toBe(Memory);
  expect(new Linear(2, 2).predict(Tensor.from([[1, 2]])).shape).toEqual([1, 2]);
});
