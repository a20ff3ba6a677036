/** The code in the documentation runs: every block of every page, or it says why not. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { blocksOf, pages } from '../../scripts/docs/pages.ts';
import { train } from '../../src/worker/index.ts';
import { expectClose } from '../support/close.ts';
import { purposeOf, runExamples } from '../support/examples.ts';
import { readGoldens } from '../support/goldens.ts';

const IMAGES = `
const pixels = (n: number) => Float32Array.from({ length: n * 784 }, (_, i) => ((i * 37) % 256) / 255);
const images = { data: pixels(40), shape: [40, 1, 28, 28] };
`;

it('docs/keras.md', async () => {
  const { scores, sameScores, losses } = await runExamples('docs/keras.md', {
    exported: ['scores', 'sameScores', 'losses'],
  });
  expect(scores.shape).toEqual([2, 5]);
  expectClose(sameScores.toArray(), scores.toArray(), { rtol: 1e-6 });
  expect(losses.at(-1)).toBeLessThan(losses[0]);
});

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

it('docs/models.md', async () => {
  const { model, again, fresh, blocks, graph } = await runExamples('docs/models.md', {
    exported: ['model', 'again', 'fresh', 'blocks', 'graph'],
  });
  const keys = Object.keys(model.stateDict());
  for (const made of [again, fresh]) expect(Object.keys(made.stateDict())).toEqual(keys);
  expect(again.stateDict()['0.weight']).toEqual(model.stateDict()['0.weight']);
  expect(blocks.at(1).width).toBe(4);
  expect(Object.keys(graph.stateDict())).toContain('block.weight');
});

it('docs/from-pytorch.md', async () => {
  const prelude = `${IMAGES}
    import * as E from '../src/index.ts';
    import { saveSafetensors } from '../src/state/index.ts';
    const weights = saveSafetensors(new E.Sequential(
      new E.Conv2d(1, 8, 3, { bias: false }), new E.BatchNorm2d(8), new E.ReLU(), new E.Flatten(),
      new E.Linear(8 * 26 * 26, 10)).stateDict());`;
  const exported = ['logits', 'source', 'own'];
  const { logits, source, own } = await runExamples('docs/from-pytorch.md', { prelude, exported });
  expect(logits.shape).toEqual([40, 10]);
  const [, shown] = /```python no-run\n([\s\S]*?)```/.exec(
    readFileSync('docs/from-pytorch.md', 'utf8'),
  )!;
  expect(source).toContain(shown);
  expect(own).toContain('Square(),');
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

it('ARCHITECTURE.md', async () => {
  const { y, value } = await runExamples('ARCHITECTURE.md', {
    prelude: `
      import { BatchNorm1d, CrossEntropyLoss, Linear, ReLU, Sequential } from 'evenkeel';
      const pixels = Float32Array.from({ length: 78_400 }, (_, i) => ((i * 37) % 256) / 255);
      const labels = Array.from({ length: 100 }, (_, i) => i % 10);
      const loss = new CrossEntropyLoss();
    `,
    exported: ['y', 'value'],
  });
  expect(y.shape).toEqual([100, 200]);
  expect(value).toBeGreaterThan(0);
});

/**
 * What the page of docs/workers.md has, a Worker's scope that is the other end of a channel, and a
 * Worker that is this end.
 */
const PORTS = `
import { BatchNorm1d, Linear, ReLU, Sequential } from 'evenkeel';
const inputs = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] };
const targets = [0, 1, 2];
const model = new Sequential(new Linear(2, 16), new BatchNorm1d(16), new ReLU(), new Linear(16, 3));
function Worker() {
  return page;
}
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
    const { page, scope, model } = await runExamples('docs/workers.md', {
      prelude: PORTS,
      exported: ['page', 'scope', 'model'],
    });
    expect(model.at(1).numBatchesTracked.value).toBe(5);
    const { data, targets } = { data: Float32Array.of(1, 2, 3, 4, 5, 6), targets: [0, 1, 2] };
    const { stateDict } = train(page, { inputs: { data, shape: [3, 2] }, targets, epochs: 4 });
    expect((await stateDict)['1.num_batches_tracked']!.item()).toBe(4);
    scope.close();
  } finally {
    Reflect.deleteProperty(globalThis, 'postMessage');
    Reflect.deleteProperty(globalThis, 'addEventListener');
  }
});

describe('every page', () => {
  const root = new URL('../..', import.meta.url).pathname;
  const tests = readdirSync(`${root}/test`, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => readFileSync(`${root}/test/${path}`, 'utf8'))
    .filter((text) => text.includes('runExamples('));
  /** Whether a test runs the page with what it takes for granted: it names the page, or its last part. */
  const isNamed = (page: string) => {
    const last = page.replace(/^.*\//, '').replace(/\.md$/, '');
    const folder = page.slice(0, page.lastIndexOf('/') + 1);
    return tests.some(
      (text) =>
        text.includes(`'${page}'`) || (text.includes(`${folder}\${`) && text.includes(`'${last}'`)),
    );
  };
  const all = pages(root).map((page) => {
    const blocks = blocksOf(readFileSync(`${root}/${page}`, 'utf8'));
    return { page, blocks: blocks.map((block) => ({ ...block, purpose: purposeOf(block) })) };
  });

  it('marks its code in a way that is known', () => {
    const unknown = all.flatMap(({ page, blocks }) =>
      blocks
        .filter(({ purpose }) => purpose === 'unknown')
        .map(
          ({ language, mark, code }) =>
            `${page}: \`\`\`${language} ${mark}: ${code.split('\n')[0]}`,
        ),
    );
    expect(unknown).toEqual([]);
    expect(all.length).toBeGreaterThan(20);
  });

  const quoting = all.filter(({ blocks }) => blocks.some(({ purpose }) => purpose === 'quotes'));
  it.each(quoting)('$page quotes what its sources have', ({ blocks }) => {
    for (const { mark, code } of blocks.filter(({ purpose }) => purpose === 'quotes')) {
      expect(readFileSync(`${root}/${mark.slice('source: '.length)}`, 'utf8')).toContain(code);
    }
  });

  const bare = all.filter(
    ({ page, blocks }) => blocks.some(({ purpose }) => purpose === 'runs') && !isNamed(page),
  );
  it.each(bare)('$page runs as it stands', async ({ page }) => {
    await runExamples(page, {});
  });
});

describe('the purpose of a block', () => {
  const purpose = (fence: string) => purposeOf(blocksOf(`\`\`\`${fence}\nx\n\`\`\`\n`)[0]!);

  it.each([
    ['ts', 'runs'],
    ['js', 'runs'],
    ['ts no-run: needs a page', 'stands'],
    ['ts source: src/index.ts', 'quotes'],
    ['sh', 'stands'],
    ['', 'stands'],
    ['ts no-run', 'unknown'],
    ['ts no-run:', 'unknown'],
    ['ts source:', 'unknown'],
    ['ts {1}', 'unknown'],
    ['typescript', 'unknown'],
  ])('of ```%s: %s', (fence, expected) => {
    expect(purpose(fence)).toBe(expected);
  });
});
