/** The README's TypeScript runs: its blocks, in order, as one module with some data in front. */
import { expect, it } from 'vitest';
import { runExamples } from '../support/examples.ts';

/** What the examples take for granted. */
const PRELUDE = `
const pixels = (n: number) => Float32Array.from({ length: n * 784 }, (_, i) => ((i * 37) % 256) / 255);
const classes = (n: number) => Array.from({ length: n }, (_, i) => i % 10);
const inputs = { data: pixels(40), shape: [40, 784] };
const targets = classes(40);
const test = { inputs, targets };
const batches = [{ inputs, targets }];
const oneImage = { data: pixels(1), shape: [1, 784] };
`;

it('the README’s examples run', async () => {
  const { BasicBlock, logits, model, Square } = await runExamples('README.md', {
    prelude: PRELUDE,
    exported: ['BasicBlock', 'logits', 'model', 'Square'],
  });
  expect(logits.shape).toEqual([1, 10]);
  expect(model.stateDict()['1.num_batches_tracked'].item()).toBeGreaterThan(1);
  const block = new BasicBlock();
  const x = { data: new Float32Array(2 * 16 * 4 * 4).fill(1), shape: [2, 16, 4, 4] };
  expect(block.forward(x).shape).toEqual(x.shape);
  const square = new Square();
  expect([...square.forward({ data: [3, -2], shape: [2] }).toArray()]).toEqual([9, 4]);
  expect([...square.backward({ data: [1, 10], shape: [2] }).toArray()]).toEqual([6, -40]);
  expect(Object.keys(block.stateDict())).toContain('bn2.running_var');
});
