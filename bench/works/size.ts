/** The size of programs as users deploy them: bundled by esbuild, minified, gzip at level 9. */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';
import { type Bench, values } from '../bench.ts';
import { statistic } from '../measure.ts';
import type { Measured } from '../scene.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const PERCEPTRON = 'Sequential, Linear, BatchNorm1d, ReLU, CrossEntropyLoss, Adam, manualSeed';

/** Programs that only export these names. */
export const PROGRAMS = {
  'one layer': `export { BatchNorm1d } from 'evenkeel';`,
  'a perceptron and what trains it': `export { ${PERCEPTRON} } from 'evenkeel';`,
  'a convolutional network and what trains it': `export { ${PERCEPTRON}, Conv2d, BatchNorm2d, MaxPool2d, Flatten,
     Dropout, fit } from 'evenkeel';`,
  'all of evenkeel': `export * from 'evenkeel';`,
};

/** The program as a file of its own, kernels included, from dist/ as users have it. */
export function bundleOf(program: string): string {
  const { outputFiles } = buildSync({
    stdin: { contents: program, resolveDir: root },
    alias: {
      'evenkeel/inspect': `${root}dist/inspect.js`,
      'evenkeel/relaxed': `${root}dist/relaxed.js`,
      evenkeel: `${root}dist/index.js`,
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

function measureSize(): Measured[] {
  return Object.entries(PROGRAMS).map(([shape, program]) => ({
    work: 'gzip of a bundle',
    shape,
    unit: 'kB',
    value: statistic([gzipped(bundleOf(program)) / 1000]),
  }));
}

const GOALS = {
  'a convolutional network and what trains it':
    '18 kB of kernels, packed to a quarter of their bytes, 1.3 kB that unpack them, and 33 kB of host code, of which about 8 kB are checks of input, options, sizes and states, and their messages. Kernels are 3 kB less than with copies and literals, by prediction from instructions; a third context would save 0.15 kB, and mixing four with learned weights 0.9 kB, at twice the time. Left out: what only some networks need; full names of kernels; compound names of private members. Tried: short names of all internal members (0.1 to 0.2 kB less, but names such as `uses` and `dy` are not safely told from others), passes of Binaryen after its own (nothing, once instructions are predicted), base64 for the unpacker (0.15 kB more than hexadecimal digits)',
  'all of evenkeel':
    '36 kB of kernels, packed to a quarter of their bytes, and 75 kB of host code. The kernels come in parts, so that no bundle has what it does not use',
};

const bench: Bench = {
  subject: 'Package',
  measure: measureSize,
  shown: [],
  goals: Object.entries(GOALS).map(([program, why]) => ({
    name: `gzip of a bundle with its kernels: ${program}`,
    ...{ must: 45, aim: 35, unit: 'kB', why },
    of: ({ strict }) => values(strict, 'gzip of a bundle', program),
  })),
};
export default bench;
