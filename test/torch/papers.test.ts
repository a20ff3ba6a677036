/** examples/papers: programs reach what their PyTorch twins do, with the same options, in runs of a second or so. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { train as contrastive } from '../../examples/papers/contrastive.js';
import { train as dcgan } from '../../examples/papers/dcgan.js';
import { train as gru } from '../../examples/papers/gru.js';
import { train as seresnet } from '../../examples/papers/seresnet.js';
import { train as transformer } from '../../examples/papers/transformer.js';
import { train as unet } from '../../examples/papers/unet.js';
import { train as vae } from '../../examples/papers/vae.js';

const TRAIN = { contrastive, dcgan, gru, seresnet, transformer, unet, vae };

interface Case {
  readonly name: keyof typeof TRAIN;
  readonly options: Readonly<Record<string, number | string>>;
  /** What is compared, as a mean over the seeds, and how far the two may be apart. */
  readonly result: string;
  readonly within: number;
  readonly seeds?: readonly number[];
}

const CASES: readonly Case[] = [
  { name: 'vae', options: { images: 3000, epochs: 2 }, result: 'loss', within: 4 },
  { name: 'transformer', options: { steps: 100 }, result: 'loss', within: 0.12 },
  { name: 'transformer', options: { steps: 100, norm: 'rms' }, result: 'loss', within: 0.12 },
  { name: 'seresnet', options: { images: 2000, batch: 25 }, result: 'accuracy', within: 0.04 },
  { name: 'gru', options: { signals: 2000 }, result: 'accuracy', within: 0.1 },
  { name: 'unet', options: { images: 300 }, result: 'overlap', within: 0.03 },
  { name: 'contrastive', options: { images: 2000 }, result: 'loss', within: 0.2 },
  {
    name: 'dcgan',
    options: { images: 1000, epochs: 6, batch: 40 },
    result: 'energy',
    within: 0.8,
    seeds: [1, 2],
  },
];

const script = fileURLToPath(new URL('papers.py', import.meta.url));
const twins: Record<string, number>[] = [];
beforeAll(async () => {
  const runs = CASES.flatMap(({ name, options, seeds = [1] }) =>
    seeds.map((seed) => [name, { ...options, seed }]),
  );
  const run = promisify(execFile)('/usr/bin/python3', [script, JSON.stringify(runs)]);
  twins.push(...JSON.parse((await run).stdout));
}, 600_000);

it.each(CASES.map((each, i) => [each.name, i, each] as const))('%s (%i)', async (name, i, each) => {
  const { options, result, within, seeds = [1] } = each;
  const before = CASES.slice(0, i).reduce((sum, one) => sum + (one.seeds ?? [1]).length, 0);
  const theirs = twins.slice(before, before + seeds.length).map((results) => results[result]!);
  const ours: number[] = [];
  for (const seed of seeds) {
    const results: Record<string, number> = await TRAIN[name]({ ...options, seed });
    ours.push(results[result]!);
  }
  const mean = (x: number[]) => x.reduce((sum, value) => sum + value, 0) / x.length;
  const off = Math.abs(mean(ours) - mean(theirs));
  expect(off, `${result} ${ours}, PyTorch’s ${theirs}`).toBeLessThan(within);
});
