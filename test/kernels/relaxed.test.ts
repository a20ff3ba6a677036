/**
 * useRelaxed() in processes of their own, since it chooses for a whole program. Where this Node's engine
 * has relaxed SIMD behind a flag (Node 20) or at once (22 and newer), the same training steps run on
 * strict and relaxed kernels. V8 can be told not to fuse, as on a processor without fused multiply-add.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RELAXED } from '../everywhere/checks/pinned.ts';
import { fusesHere } from '../everywhere/processor.ts';

const source = (path: string) => fileURLToPath(new URL(`../../src/${path}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'relaxed-'));
afterAll(() => rmSync(folder, { recursive: true }));

const alias = {
  'evenkeel/data': source('data/index.ts'),
  'evenkeel/relaxed': source('relaxed/index.ts'),
  evenkeel: source('index.ts'),
  run: fileURLToPath(new URL('../everywhere/checks/run.ts', import.meta.url)),
};
const FLAG = '--experimental-wasm-relaxed-simd';
const needsFlag = Number.parseInt(process.versions.node, 10) < 22;
const flags = needsFlag ? [FLAG] : [];

async function bundle(name: string, code: string): Promise<string> {
  const outfile = join(folder, `${name}.mjs`);
  await build({
    stdin: { contents: code, resolveDir: folder, loader: 'ts' },
    alias,
    outfile,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    logLevel: 'warning',
    nodePaths: [fileURLToPath(new URL('../../node_modules', import.meta.url))],
  });
  return outfile;
}

function run(file: string, ...flags: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, file], {
    encoding: 'utf8',
  });
  expect(stderr.replace(/^.*Warning.*\n/gm, '')).toBe('');
  expect(status).toBe(0);
  return stdout;
}

/** A few steps of a small CNN; prints the losses, then the logits of a fixed input. */
const STEPS = `
import { Adam, BatchNorm1d, BatchNorm2d, Conv2d, CrossEntropyLoss, Flatten, Linear, manualSeed, ReLU, Sequential } from 'evenkeel';
import { useRelaxed } from 'evenkeel/relaxed';
if (process.env.RELAXED) useRelaxed();
manualSeed(7);
const model = new Sequential(
  new Conv2d(3, 10, 3, { padding: 1, bias: false }), new BatchNorm2d(10), new ReLU(), new Flatten(),
  new Linear(10 * 9 * 9, 33, { bias: false }), new BatchNorm1d(33), new ReLU(), new Linear(33, 5),
);
const loss = new CrossEntropyLoss();
const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
const x = Float32Array.from({ length: 16 * 3 * 81 }, (_, i) => ((i * 7919) % 1009) / 500 - 1);
const input = { data: x, shape: [16, 3, 9, 9] };
const targets = Array.from({ length: 16 }, (_, i) => (i * 3) % 5);
const losses = [];
for (let step = 0; step < 5; step++) {
  losses.push(loss.forward(model.forward(input), targets));
  optimizer.zeroGrad();
  model.backward(loss.backward());
  optimizer.step();
}
console.log(JSON.stringify({ losses, logits: [...model.predict(input).toArray()] }));
`;

interface Answer {
  losses: number[];
  logits: number[];
}

describe('useRelaxed', () => {
  let steps: string;
  beforeAll(async () => {
    steps = await bundle('steps', STEPS);
  });

  it('trains as the strict kernels do, within rounding, on other bits', () => {
    const strict: Answer = JSON.parse(run(steps, ...flags));
    process.env.RELAXED = '1';
    const relaxed: Answer = JSON.parse(run(steps, ...flags));
    delete process.env.RELAXED;
    expect(relaxed.losses).toHaveLength(5);
    // Five steps of Adam, each about lr a weight whatever the gradient: a rounding of 6e-8 in a gradient
    // near zero moves its weight by a share of lr, so logits agree to a few 1e-4 and not to 1e-6.
    for (const [i, value] of strict.losses.entries()) {
      expect(Math.abs(relaxed.losses[i]! - value)).toBeLessThan(1e-4);
    }
    expect(Math.abs(relaxed.losses[0]! - strict.losses[0]!)).toBeLessThan(1e-6);
    for (const [i, value] of strict.logits.entries()) {
      expect(Math.abs(relaxed.logits[i]! - value)).toBeLessThan(1e-3);
    }
    if (fusesHere) expect(relaxed.logits).not.toEqual(strict.logits);
  });

  it('tells how the engine rounds, and gives the pinned bits of that rounding', async () => {
    const pinned = await bundle(
      'pinned',
      `import * as evenkeel from 'evenkeel';
       import * as data from 'evenkeel/data';
       import { useRelaxed } from 'evenkeel/relaxed';
       import { run } from 'run';
       const rounding = useRelaxed();
       console.log(rounding, (await run(evenkeel, data)).hash);`,
    );
    const expected = fusesHere ? 'fused' : 'unfused';
    expect(run(pinned, ...flags)).toBe(`${expected} ${RELAXED[expected]}\n`);
    if (process.arch !== 'x64') return; // elsewhere V8 has no such flag
    expect(run(pinned, ...flags, '--no-enable-fma3')).toBe(`unfused ${RELAXED.unfused}\n`);
  });

  it('refuses once the kernels run, and says when to call it', async () => {
    const late = await bundle(
      'late',
      `import { BatchNorm1d } from 'evenkeel';
       import { useRelaxed } from 'evenkeel/relaxed';
       const norm = new BatchNorm1d(3);
       try { useRelaxed(); } catch (error) { console.log(error.message); }
       console.log(norm.predict({ data: [1, 2, 3], shape: [1, 3] }).shape.join());`,
    );
    expect(run(late)).toMatch(
      /^useRelaxed: the strict kernels have already started: call it before .*\n1,3\n$/,
    );
  });

  it('may be called twice', async () => {
    const twice = await bundle(
      'twice',
      `import { BatchNorm1d } from 'evenkeel';
       import { useRelaxed } from 'evenkeel/relaxed';
       const first = useRelaxed();
       const second = useRelaxed();
       new BatchNorm1d(3);
       const third = useRelaxed();
       console.log(first === second && first === third ? 'well' : [first, second, third].join());`,
    );
    expect(run(twice, ...flags)).toBe('well\n');
  });

  it.runIf(needsFlag)('says what is missing, and leaves the strict kernels usable', async () => {
    const missing = await bundle(
      'missing',
      `import { BatchNorm1d } from 'evenkeel';
       import { useRelaxed } from 'evenkeel/relaxed';
       try { useRelaxed(); } catch (error) { console.log(error.message); }
       console.log(new BatchNorm1d(3).predict({ data: [1, 2, 3], shape: [1, 3] }).shape.join());`,
    );
    expect(run(missing)).toMatch(/^useRelaxed: this runtime has no relaxed SIMD: .*\n1,3\n$/);
  });
});
