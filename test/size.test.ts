/**
 * What a user's bundler and server make of the package: esbuild, minified, gzip at its best. The ceilings here
 * hold what is; that of the whole rises only where layers are added, the others never.
 */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { CORE_WASM } from '../src/generated/core.ts';
import { EXTRA_WASM } from '../src/generated/extra.ts';
import { RELAXED_WASM } from '../src/generated/relaxed.ts';

const source = (path: string) => fileURLToPath(new URL(`../src/${path}`, import.meta.url));
const alias = {
  'evenkeel/relaxed': source('relaxed/index.ts'),
  'evenkeel/worker': source('worker/index.ts'),
  evenkeel: source('index.ts'),
};

async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('..', import.meta.url)) },
    alias,
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    mainFields: ['module', 'main'],
    legalComments: 'none',
  });
  return outputFiles[0]!.text;
}

const gzipped = (text: string) => gzipSync(text, { level: 9 }).length;

describe('the size of a bundle', () => {
  it('for a convolutional network and all that trains it stays below 45 kB of gzip', async () => {
    const text = await bundle(
      `export { Sequential, Conv2d, BatchNorm2d, ReLU, MaxPool2d, Flatten, Linear, BatchNorm1d, Dropout,
        CrossEntropyLoss, Adam, fit, manualSeed } from 'evenkeel';`,
    );
    expect(text).toContain(CORE_WASM.text.slice(0, 80));
    expect(text).not.toContain(EXTRA_WASM.text.slice(0, 80));
    expect(gzipped(text)).toBeLessThan(45_000);
  });

  it('that exports all of evenkeel stays below 75 kB of gzip', async () => {
    const text = await bundle(`export * from 'evenkeel';`);
    expect(text).toContain(EXTRA_WASM.text.slice(0, 80));
    expect(gzipped(text)).toBeLessThan(75_000);
  });

  it('with one layer leaves out optimizers, losses, convolutions and fit', async () => {
    const text = await bundle(`export { BatchNorm1d } from 'evenkeel';`);
    for (const absent of ['weightDecay', 'labelSmoothing', 'dilation', 'samplesPerSecond']) {
      expect(text).not.toContain(absent);
    }
    expect(gzipped(text)).toBeLessThan(36_000);
  });

  it('holds the relaxed kernels where they are asked for, and nowhere else', async () => {
    const mark = RELAXED_WASM.text.slice(2000, 2080);
    expect(CORE_WASM.text).not.toContain(mark);
    expect(await bundle(`export * from 'evenkeel';`)).not.toContain(mark);
    expect(await bundle(`export * from 'evenkeel/relaxed';`)).toContain(mark);
  });

  it('of a page that trains in a Worker is below 3 kB and has no kernels', async () => {
    const text = await bundle(`export { train } from 'evenkeel/worker';`);
    expect(text).not.toContain('WebAssembly');
    expect(gzipped(text)).toBeLessThan(3000);
  });
});
