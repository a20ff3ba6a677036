/** The TypeScript in docs/ runs. */
import { expect, it } from 'vitest';
import { train } from '../../src/worker/index.ts';
import { expectClose } from '../support/close.ts';
import { runExamples } from '../support/examples.ts';
import { readGoldens } from '../support/goldens.ts';

const IMAGES = `
const pixels = (n: number) => Float32Array.from({ length: n * 784 }, (_, i) => ((i * 37) % 256) / 255);
const images = { data: pixels(40), shape: [40, 1, 28, 28] };
`;

it('docs/batchnorm-variants.md', async () => {
  const { encoded, network, seen } = await runExamples('docs/batchnorm-variants.md', {
    prelude: IMAGES,
    exported: ['encoded', 'network', 'seen'],
  });
  expect(encoded.shape).toEqual([2, 2, 8]);
  expect(seen).toBe(40);
  expect(network.at(1).numBatchesTracked.value).toBe(3);
});

const TABLE = `
import { readGoldens } from '../test/support/goldens.ts';
const table = readGoldens('tables').find(({ name }) => name === 'wine')!.x;
const stream = [0, 100].map((from) => {
  const data = table.data.slice(from * 13, (from + 100) * 13);
  return { inputs: { data, shape: [data.length / 13, 13] } };
});
`;

it('docs/inputs.md', async () => {
  const seen = await runExamples('docs/inputs.md', {
    prelude: TABLE,
    exported: ['scaler', 'again', 'bounded', 'streamed', 'logits', 'plane', 'share', 'white'],
  });
  const { scaler, again, bounded, streamed, logits, plane, share, white } = seen;
  const { x } = readGoldens('tables').find(({ name }) => name === 'wine')!;
  expectClose(again.toArray(), x.data, { rtol: 1e-6, atol: 1e-6 });
  expectClose([Math.min(...bounded.toArray()), Math.max(...bounded.toArray())], [-1, 1], {
    atol: 1e-7,
  });
  expectClose(streamed.mean, scaler.mean, { rtol: 1e-12 });
  expect(logits.shape).toEqual([178, 3]);
  expect(plane.shape).toEqual([178, 2]);
  expectClose(share, [0.362, 0.192], { atol: 1e-3 });
  expect(white.shape).toEqual([178, 13]);
});

it('docs/memory.md', async () => {
  const { best } = await runExamples('docs/memory.md', { exported: ['best'] });
  expect(best.value).toBeLessThan(0.1);
  expect(() => best.model.predict({ data: [1], shape: [1, 1] })).toThrow('used after dispose()');
});

const TABLE_OF_NOISE = `
import { TestRandom } from '../test/support/random.ts';
const noise = new TestRandom(1).normals(400 * 20);
const data = {
  inputs: { data: noise, shape: [400, 20] },
  targets: Array.from({ length: 400 }, (_, i) => (noise[i * 20]! > 0 ? 1 : 2)),
};
`;

it('docs/inspect.md', async () => {
  const { last, history, median, findings, text, normalized } = await runExamples(
    'docs/inspect.md',
    {
      prelude: TABLE_OF_NOISE,
      exported: ['last', 'history', 'median', 'findings', 'text', 'normalized'],
    },
  );
  expect(last.step).toBe(36);
  expect(history.steps).toEqual([1, 6, 11, 16, 21, 26, 31, 36]);
  expect(median).toHaveLength(8);
  expect(findings).toEqual([]);
  expect(JSON.parse(text).loss).toBe('CrossEntropyLoss');
  expect(normalized.shape).toEqual([1, 64]);
});

it('docs/fold.md', async () => {
  const { network, logits } = await runExamples('docs/fold.md', {
    prelude: IMAGES,
    exported: ['network', 'logits'],
  });
  expect(logits.shape).toEqual([40, 10]);
  expect(network.folded).toEqual([{ layer: '1', into: '0' }]);
  expect(network.kept).toEqual([
    {
      layer: '3',
      reason:
        'it cannot be folded into ReLU() before it; it cannot be folded into GlobalAvgPool() after it',
    },
  ]);
});

it('docs/lint.md', async () => {
  const { rules } = await runExamples('docs/lint.md', { exported: ['rules'] });
  expect(rules).toEqual([
    '0 bias-before-batch-norm',
    '1 small-batch',
    '4 dropout-before-batch-norm',
    '4 batch-norm-last',
    '4 small-batch',
  ]);
});

it('docs/networks.md', async () => {
  const { block, large } = await runExamples('docs/networks.md', { exported: ['block', 'large'] });
  expect(Object.keys(block.stateDict())).toContain('bn2.running_var');
  expect(large.shape).toEqual([1, 8, 14, 14]);
});

/** What the page of docs/workers.md has, and a Worker's scope that is the other end of a channel. */
const PORTS = `
const { port1: page, port2: scope } = new MessageChannel();
Object.assign(globalThis, {
  postMessage: scope.postMessage.bind(scope),
  addEventListener: (type: string, heard: () => void) => {
    scope.addEventListener(type, heard);
    scope.start();
  },
});
`;

it('docs/workers.md', async () => {
  try {
    const { page, scope } = await runExamples('docs/workers.md', {
      prelude: PORTS,
      exported: ['page', 'scope'],
    });
    const { data, targets } = { data: Float32Array.of(1, 2, 3, 4, 5, 6), targets: [0, 1, 2] };
    const { stateDict } = train(page, { inputs: { data, shape: [3, 2] }, targets, epochs: 4 });
    expect((await stateDict)['1.num_batches_tracked']!.item()).toBe(4);
    scope.close();
  } finally {
    Reflect.deleteProperty(globalThis, 'postMessage');
    Reflect.deleteProperty(globalThis, 'addEventListener');
  }
});
