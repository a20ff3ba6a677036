/** The README's TypeScript runs: its blocks, in order, as one module with some data in front. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const IMPORT = /import \{([^}]*)\} from '(evenkeel[^']*)';/g;

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
  const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
  expect(blocks.length).toBeGreaterThanOrEqual(3);
  const imports = new Map<string, Set<string>>();
  for (const [, names, from] of blocks.join('\n').matchAll(IMPORT)) {
    const known = imports.get(from!) ?? new Set();
    for (const name of names!.split(',').map((n) => n.trim())) if (name) known.add(name);
    imports.set(from!, known);
  }
  const heads = [...imports].map(
    ([from, names]) => `import { ${[...names].join(', ')} } from '${from}';`,
  );
  const bodies = blocks.map((code) => code.replace(IMPORT, ''));
  const path = new URL('../build/readme.ts', import.meta.url);
  mkdirSync(new URL('.', path), { recursive: true });
  const exported = 'export { BasicBlock, logits, model, Square };';
  writeFileSync(path, [...heads, PRELUDE, ...bodies, exported].join('\n'));

  const { BasicBlock, logits, model, Square } = await import(path.pathname);
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
