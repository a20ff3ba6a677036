import { expect, it } from 'vitest';
import { saveSafetensors } from '../../src/state/index.ts';
import { runExamples } from '../support/examples.ts';

it('docs/saving.md', async () => {
  const seen = await runExamples('docs/saving.md', {
    exported: [
      'model',
      'metadata',
      'bytes',
      'half',
      'opened',
      'received',
      'result',
      'names',
      'tied',
    ],
  });
  const { metadata, bytes, half, opened, received, result, names, tied } = seen;
  expect(metadata).toEqual({ epochs: '3' });
  expect(bytes.length / half.length).toBeGreaterThan(1.2);
  for (const { tensors } of [opened, received]) {
    expect(saveSafetensors(tensors, metadata)).toEqual(bytes);
  }
  expect(result).toEqual({
    ...{ missing: [], unexpected: [], mismatched: ['head.weight', 'head.bias'] },
  });
  expect(names).toEqual(['encoder.weight', 'encoder.bias', 'decoder.weight', 'decoder.bias']);
  expect(tied.parameters()).toHaveLength(3);
});
