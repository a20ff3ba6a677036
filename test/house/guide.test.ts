/** The code in docs/guide/ and docs/when-not.md runs, and what the guide quotes and shows is there. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { expectClose } from '../support/close.ts';
import { runExamples } from '../support/examples.ts';

const run = (page: string, ...exported: string[]) =>
  runExamples(`docs/guide/${page}.md`, { exported });

it('1-why: standardized features need fewer steps', async () => {
  const { raw, scaled } = await run('1-why', 'raw', 'scaled');
  expect([raw, scaled]).toEqual([256, 5]);
});

it('2-forward: the numbers of the example', async () => {
  const { y, standardizing, withoutScale } = await run(
    '2-forward',
    'y',
    'standardizing',
    'withoutScale',
  );
  expectClose(y, [-1.3416, -0.4472, 0.4472, 1.3416], { atol: 1e-4 });
  expect(standardizing.parameters()).toHaveLength(0);
  expect(withoutScale.parameters()).toHaveLength(1);
});

it('3-backward: the gradient is that of differences, and 0 for dy = 1', async () => {
  const { dx, numeric, flat } = await run('3-backward', 'dx', 'numeric', 'flat');
  expectClose(numeric, dx, { rtol: 1e-3, atol: 1e-3 });
  expect(Math.max(...dx.map(Math.abs))).toBeGreaterThan(0.1);
  expectClose(flat, [0, 0, 0, 0, 0], { atol: 1e-6 });
});

it('4-inference: running statistics arrive at those of the data; a sample is independent', async () => {
  const seen = await run('4-inference', 'mean', 'variance', 'alone', 'together', 'seen', 'bn');
  expectClose([seen.mean, seen.variance], [5, 4], { rtol: 0.05 });
  expect(seen.alone[0]).toBe(seen.together[0]);
  expect(seen.seen).toBe(200);
  expect(seen.bn.numBatchesTracked.value).toBe(4);
});

it('5-in-a-network: no findings, an identity at the start, and two groups', async () => {
  const { findings, same, optimizer } = await run(
    '5-in-a-network',
    'findings',
    'same',
    'optimizer',
  );
  expect(findings).toEqual([]);
  expect(same).toBe(true);
  const lengths = optimizer.groups.map(({ params }: { params: unknown[] }) => params.length);
  expect(lengths).toEqual([3, 5]);
});

it('6-numbers: the short formula fails where batch norm does not', async () => {
  const { short, variance, exact } = await run('6-numbers', 'short', 'variance', 'exact');
  expectClose([variance], [exact], { rtol: 1e-5 });
  expect(Math.abs(short - exact)).toBeGreaterThan(0.5 * exact);
});

it('7-small-batches: one value is refused, and the relatives take a batch', async () => {
  const { message, shapes } = await run('7-small-batches', 'message', 'shapes');
  expect(message).toContain('batch statistics expected more than one value a channel');
  expect(shapes).toEqual(Array(5).fill('64×16×8×8'));
});

it('8-seeing: outputs by name, an observed step, and statistics that lag', async () => {
  const { bn1, relu1, seen, lagging, exact } = await run(
    '8-seeing',
    'bn1',
    'relu1',
    'seen',
    'lagging',
    'exact',
  );
  expect(bn1.shape).toEqual([64, 16]);
  expect(relu1.toArray().every((v: number) => v >= 0)).toBe(true);
  expect(seen).toHaveLength(8);
  expect(exact).toBeLessThan(lagging);
});

it('when-not: what depends on the batch, and blocks that begin as the identity', async () => {
  const { depends, independent, kept } = await runExamples('docs/when-not.md', {
    exported: ['depends', 'independent', 'kept'],
  });
  expect({ depends, independent, kept }).toEqual({ depends: true, independent: true, kept: true });
});

const root = new URL('../../', import.meta.url).pathname;
const texts = readdirSync(`${root}docs/guide`).map((name) => {
  return readFileSync(`${root}docs/guide/${name}`, 'utf8');
});

it('quotes lines that stand in the sources', () => {
  const quotes = texts.flatMap((text) => [...text.matchAll(/```ts source: (\S+)\n([\s\S]*?)```/g)]);
  expect(quotes.length).toBeGreaterThanOrEqual(10);
  for (const [, path, code] of quotes)
    expect(readFileSync(`${root}${path}`, 'utf8')).toContain(code);
});

it('shows figures that the experiments draw, and refers to experiments that there are', () => {
  const folder = `${root}examples/claims/experiments`;
  const sources = readdirSync(folder).map((name) => readFileSync(`${folder}/${name}`, 'utf8'));
  /** Figures by the beginning of their names: 'depth', 'speed-'. */
  const names = sources.flatMap((text) => [...text.matchAll(/^ +name: ['`]([a-z-]+)(\$?)/gm)]);
  const shown = texts.flatMap((text) => [...text.matchAll(/\(\.\.\/claims\/([a-z-]+)\.svg\)/g)]);
  expect(shown.length).toBeGreaterThanOrEqual(10);
  for (const [, figure] of shown) {
    const known = names.some(([, name, more]) => {
      return more ? figure!.startsWith(name!) : figure === name;
    });
    expect(known, figure).toBe(true);
  }
  const referred = texts.flatMap((text) => [...text.matchAll(/claims\/index\.html#(\w+)/g)]);
  expect(referred.length).toBeGreaterThanOrEqual(5);
  for (const [, key] of referred) expect(sources.join('\n')).toContain(`key: '${key}'`);
});
