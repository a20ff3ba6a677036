/** The TypeScript in docs/ runs. */
import { expect, it } from 'vitest';
import { runExamples } from './support/examples.ts';

const IMAGES = `
const pixels = (n: number) => Float32Array.from({ length: n * 784 }, (_, i) => ((i * 37) % 256) / 255);
const images = { data: pixels(40), shape: [40, 1, 28, 28] };
`;

it('docs/batchnorm-variants.md', async () => {
  const { network, seen } = await runExamples('docs/batchnorm-variants.md', {
    prelude: IMAGES,
    exported: ['network', 'seen'],
  });
  expect(seen).toBe(40);
  expect(network.at(1).numBatchesTracked.value).toBe(3);
});
