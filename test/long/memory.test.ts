import { afterAll, expect, test } from 'vitest';
import { memoryUsage } from '../../src/index.ts';
import { Block } from '../../src/memory/memory.ts';

const ballast = new Block(2 ** 31);

afterAll(() => ballast.release());

test('linear memory grows beyond 2 GiB', () => {
  expect(memoryUsage().total).toBeGreaterThan(2 ** 31);
});
