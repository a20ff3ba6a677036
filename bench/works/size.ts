/** What a user's bundler and server make of the package: esbuild, minified, gzip at its best. */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';
import { statistic } from '../measure.ts';
import type { Row } from '../scene.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const PERCEPTRON = 'Sequential, Linear, BatchNorm1d, ReLU, CrossEntropyLoss, Adam, manualSeed';

/** What a program exports that has nothing else. */
export const PROGRAMS = {
  'one layer': `export { BatchNorm1d } from 'evenkeel';`,
  'a perceptron and what trains it': `export { ${PERCEPTRON} } from 'evenkeel';`,
  'a convolutional network and what trains it': `export { ${PERCEPTRON}, Conv2d, BatchNorm2d, MaxPool2d, Flatten,
     Dropout, fit } from 'evenkeel';`,
  'all of evenkeel': `export * from 'evenkeel';`,
};

/** The program as a file of its own, kernels included. */
export function bundleOf(program: string): string {
  const { outputFiles } = buildSync({
    stdin: { contents: program, resolveDir: root },
    alias: {
      'evenkeel/relaxed': `${root}src/relaxed/index.ts`,
      evenkeel: `${root}src/index.ts`,
    },
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

export function gzipped(text: string): number {
  return gzipSync(text, { level: 9 }).length;
}

export function measureSize(): Row[] {
  return Object.entries(PROGRAMS).map(([shape, program]) => ({
    group: 'size',
    work: 'gzip of a bundle',
    shape,
    unit: 'kB',
    value: statistic([gzipped(bundleOf(program)) / 1000]),
  }));
}
