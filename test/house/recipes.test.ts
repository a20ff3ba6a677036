/** The programs of docs/recipes/ run, and what comes out is what they say. */
import { readFileSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import { expectClose } from '../support/close.ts';
import { runExamples } from '../support/examples.ts';

const run = (page: string, exported: string[], prelude = '') =>
  runExamples(`docs/recipes/${page}.md`, { exported, prelude });

afterEach(() => {
  vi.unstubAllGlobals();
});

it('normalize-inputs', async () => {
  const seen = await run('normalize-inputs', ['accuracy', 'first', 'perChannel', 'white', 'pca']);
  expect(seen.accuracy).toBe(0.99);
  expect(Math.max(...seen.first.inputs.data)).toBeLessThanOrEqual(1);
  expect(Math.max(...seen.first.inputs.data)).toBeGreaterThan(0.9);
  expect(seen.perChannel.mean).toHaveLength(3);
  expect(seen.white.shape).toEqual([100, 3]);
  const shares: number[] = [...seen.pca.explainedVarianceRatio];
  expectClose([shares.reduce((sum, share) => sum + share, 0)], [1], { rtol: 1e-6 });
});

it('cnn-in-a-page', async () => {
  const folder = new URL('../../data/fashion-mnist/', import.meta.url);
  vi.stubGlobal('fetch', async (path: string) => {
    return new Response(readFileSync(new URL(path.replace('/fashion-mnist/', ''), folder)));
  });
  const elements: Record<string, object> = { output: {}, button: {} };
  vi.stubGlobal('document', { querySelector: (name: string) => elements[name] });
  const { train } = await run('cnn-in-a-page', ['train']);
  expect((elements.button as { onclick: unknown }).onclick).toBe(train);
  expect(await train()).toBe(0.818); // the figures that the pages give are the same in every engine
  expect(elements.output).toEqual({ value: '81.8 % of 500 test images' });
});

/** Both ends of a Worker in one thread: the page's `Worker` is one port of a channel, the scope the other. */
const PORTS = `
const { port1, port2 } = new MessageChannel();
Object.assign(globalThis, {
  postMessage: port2.postMessage.bind(port2),
  addEventListener: (type: string, heard: () => void) => {
    port2.addEventListener(type, heard);
    port2.start();
  },
  Worker: function () { return Object.assign(port1, { terminate: () => port1.close() }); },
});
`;

it('in-a-worker', async () => {
  for (const name of ['postMessage', 'addEventListener', 'Worker']) vi.stubGlobal(name, undefined);
  const { share, best } = await run('in-a-worker', ['share', 'best'], PORTS);
  expect(share).toBeGreaterThan(0.9);
  expect(best).toBeLessThan(0.3);
});

it('on-the-edge', async () => {
  const { handler } = await run('on-the-edge', ['handler']);
  const points = Array.from({ length: 100 }, (_, i) => [((i * 37) % 50) / 25 - 1, (i % 7) / 3 - 1]);
  const targets = points.map(([x]) => (x! > 0 ? 1 : 0));
  const url = 'http://edge/';
  const body = JSON.stringify({ points, targets });
  const learnt = await handler.fetch(new Request(url, { method: 'POST', body }));
  const file = await learnt.arrayBuffer();
  await handler.fetch(new Request(url, { method: 'PUT', body: file }));
  for (const [x, expected] of [
    [0.8, 1],
    [-0.8, 0],
  ]) {
    const answer = await handler.fetch(new Request(`${url}?x=${x}&y=0.1`));
    expect(await answer.json()).toEqual({ class: expected });
  }
});

it('fine-tune', async () => {
  const { accuracy, missing } = await run('fine-tune', ['accuracy', 'missing']);
  expect(missing).toEqual(['head.weight', 'head.bias']);
  expect(accuracy.toFixed(2)).toBe('0.98');
});

it('freeze', async () => {
  const { changed } = await run('freeze', ['changed']);
  expect(changed).toEqual(['head.weight', 'head.bias']);
});

it('checkpoint', async () => {
  const { same, whole, interrupted } = await run('checkpoint', ['same', 'whole', 'interrupted']);
  expect(same).toBe(true);
  const weight = ({ model }: typeof whole) => [...model.stateDict()['0.weight'].toArray()];
  expect(weight(interrupted)).not.toEqual(weight(whole));
});

it('custom-layer', async () => {
  const seen = await run('custom-layer', [
    ...['dx', 'numeric', 'ds', 'x', 'dy', 'gated', 'dFirst', 'dSecond', 'out', 'block'],
  ]);
  expectClose(seen.numeric, seen.dx, { rtol: 1e-3, atol: 1e-3 });
  const ds = [...seen.x].reduce((sum, v, i) => sum + seen.dy[i] * Math.log1p(Math.exp(v)), 0);
  expectClose([seen.ds], [ds], { rtol: 1e-5 });
  expect([...seen.gated]).toEqual([1, 0, 6]);
  expect([...seen.dFirst]).toEqual([1, 0, 2]);
  expect([...seen.dSecond]).toEqual([1, 2, 3]);
  expect(seen.out.shape).toEqual([4, 16]);
  expect(Object.keys(seen.block.stateDict())).toContain('bn.running_var');
});

it('custom-loss', async () => {
  const { values, gradient, numeric, total } = await run('custom-loss', [
    ...['values', 'gradient', 'numeric', 'total'],
  ]);
  expect(values.at(-1)).toBeLessThan(0.1 * values[0]);
  expectClose(numeric, gradient.data, { rtol: 1e-3, atol: 1e-4 });
  expect(total).toBeGreaterThan(0);
});

it('gan', async () => {
  const { mean, sd } = await run('gan', ['mean', 'sd']);
  expect([mean.toFixed(2), sd.toFixed(2)]).toEqual(['3.94', '1.27']);
});

it('federated', async () => {
  const { fedAvg, fedBN } = await run('federated', ['fedAvg', 'fedBN']);
  expect([fedAvg.toFixed(2), fedBN.toFixed(2)]).toEqual(['0.58', '0.98']);
});
