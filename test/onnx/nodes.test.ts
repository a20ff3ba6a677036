/** A few of ONNX's own tests (ONNX 1.12, Apache 2.0; copied unchanged). test/torch/onnxnodes.test.ts runs all. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readTest, runTest } from './nodes.ts';

const folder = fileURLToPath(new URL('fixtures', import.meta.url));

it.each(readdirSync(folder))('%s gives what ONNX says', (name) => {
  expect(() => runTest(readTest(`${folder}/${name}`))).not.toThrow();
});

it('another expected value fails', () => {
  const test = readTest(`${folder}/test_softmax_example`);
  const outputs = test.outputs.map((tensor) => ({
    ...tensor,
    rawData: tensor.rawData!.slice().fill(1),
  }));
  expect(() => runTest({ ...test, outputs })).toThrow('output: at 0');
});
