/**
 * Batch norm against what memory allows: ns an element, and the share of the bare loops R (read and
 * sum), S (scale out of place), I (in place), S₂ (two reads, one write), all interleaved in one run.
 *
 *   npx tsx bench/batchnorm.ts [part of a shape's name]
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { instantiateSync } from '@assemblyscript/loader';
import { compileKernels } from '../scripts/kernels.ts';
import type { Pointer } from '../src/generated/kernels.ts';
import { Bench } from './peak.ts';

interface MemoryLoops {
  readSum(x: Pointer, size: number): number;
  scale(y: Pointer, x: Pointer, a: number, size: number): void;
  sum(z: Pointer, x: Pointer, y: Pointer, size: number): void;
}

/** [n, c, s]; s = 0: rows. */
const SHAPES: [string, number, number, number][] = [
  ['rows [128, 100]', 128, 100, 0],
  ['rows [256, 1024]', 256, 1024, 0],
  ['rows [4096, 512]', 4096, 512, 0],
  ['NCHW [32, 64, 56, 56]', 32, 64, 3136],
  ['NCHW [100, 32, 28, 28]', 100, 32, 784],
  ['NCHW [8, 256, 14, 14]', 8, 256, 196],
  ['NCHW [64, 16, 32, 32]', 64, 16, 1024],
  ['NHWC [32, 56, 56, 64]', 32 * 3136, 64, 0],
  ['NHWC [100, 28, 28, 32]', 100 * 784, 32, 0],
  ['NHWC [8, 14, 14, 256]', 8 * 196, 256, 0],
  ['NHWC [64, 32, 32, 16]', 64 * 1024, 16, 0],
];

const ROUNDS = 15;
const MILLISECONDS = 8;

const bench = new Bench();
const k = bench.kernels;
const limits = await memoryLoops();
const heap = 4 * 32 * 64 * 3136 * 4 + 2 ** 20;
const base = bench.floats(heap / 4);

console.log('ns an element: memory.copy, R, S, S₂, I; then ns and × limit');
console.log(
  `${'shape'.padEnd(24)}  copy     R     S    S₂     I   forward/(R+S)  statistics/R  inference/S  in place/I  backward/(2R+S₂)`,
);
for (const [name, n, c, s] of SHAPES) {
  if (process.argv[2] && !name.includes(process.argv[2])) continue;
  measure(name, n, c, s);
}

function measure(name: string, n: number, c: number, s: number): void {
  const size = n * c * (s || 1);
  let top = base as number;
  const place = (bytes: number) => {
    const pointer = top as Pointer;
    top += ((bytes + 63) & ~63) + 64 * 5; // no two tensors a multiple of 4 KB apart
    return pointer;
  };
  const [x, y, dy] = [place(4 * size), place(4 * size), place(4 * size)];
  const perChannel = () => place(4 * c);
  const [shift, delta, invStd, variance] = [perChannel(), perChannel(), perChannel(), perChannel()];
  const [scale, offset, slope, intercept] = [
    perChannel(),
    perChannel(),
    perChannel(),
    perChannel(),
  ];
  const [weight, bias, dWeight, dBias] = [perChannel(), perChannel(), perChannel(), perChannel()];
  const totals = place(16 * (c + 16));
  const scratch = place(24 * (c + 16));

  const statistics = () => {
    const saved = [shift, delta, invStd, variance] as const;
    if (s) k.batchNormStatisticsPlanes(...saved, x, n, c, s, 1e-5, 0, c, scratch);
    else k.batchNormStatistics(...saved, x, n, c, 1e-5, 0, c, scratch);
  };
  const normalize = (out: Pointer) => {
    if (s) k.batchNormForwardPlanes(out, shift, scale, offset, x, n, c, s, 0, 0, c);
    else k.batchNormForward(out, shift, scale, offset, x, c, 0, 0, n);
  };
  const forward = () => {
    statistics();
    k.batchNormAffine(scale, offset, delta, invStd, weight, bias, 0, c);
    normalize(y);
  };
  const backward = () => {
    const saved = [shift, scale, offset] as const;
    if (s) k.batchNormBackwardSumsPlanes(totals, ...saved, dy, x, n, c, s, 0, 0, c);
    else k.batchNormBackwardSums(totals, ...saved, dy, x, n, c, 0, 0, c, scratch);
    const outputs = [dWeight, dBias, slope, intercept] as const;
    k.batchNormAffineBackward(...outputs, totals, delta, invStd, scale, c, n * (s || 1), 0, c);
    if (s) k.batchNormBackwardPlanes(y, ...saved, slope, intercept, dy, x, n, c, s, 0, 0, c);
    else k.batchNormBackward(y, ...saved, slope, intercept, dy, x, c, 0, 0, n);
  };
  const inference = (out: Pointer) => {
    k.batchNormAffine(scale, offset, 0 as Pointer, invStd, weight, bias, 0, c);
    normalize(out);
  };
  const view = new Float32Array(bench.memory.buffer);
  const reset = () => {
    for (let i = 0; i < size; i++) view[x / 4 + i] = ((i * 7919) % 1009) / 1009;
  };
  const bytes = new Uint8Array(bench.memory.buffer);
  const items: Record<string, () => void> = {
    copy: () => bytes.copyWithin(y, x, x + 4 * size),
    r: () => limits.readSum(x, size),
    s: () => limits.scale(y, x, 1.0001, size),
    s2: () => limits.sum(y, x, dy, size),
    i: () => limits.scale(x, x, 1, size),
    forward,
    statistics,
    inference: () => inference(y),
    inPlace: () => inference(x),
    backward,
  };
  reset();
  const times: Record<string, number[]> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const [item, run] of Object.entries(items)) {
      if (item === 'inPlace') reset();
      const ns = (time(run) * 1e6) / size;
      if (item === 'inPlace') reset();
      if (round > 0) (times[item] ??= []).push(ns);
    }
  }
  const t = Object.fromEntries(Object.entries(times).map(([item, ns]) => [item, median(ns)]));
  const limit = (ns: number, bound: number) => `${ns.toFixed(3)} ${(ns / bound).toFixed(2)}×`;
  const bare = ['copy', 'r', 's', 's2', 'i'].map((item) => t[item]!.toFixed(3)).join(' ');
  console.log(
    `${name.padEnd(24)} ${bare}   ${limit(t.forward!, t.r! + t.s!)}    ${limit(t.statistics!, t.r!)}   ` +
      `${limit(t.inference!, t.s!)}  ${limit(t.inPlace!, t.i!)}   ${limit(t.backward!, 2 * t.r! + t.s2!)}`,
  );
}

async function memoryLoops(): Promise<MemoryLoops> {
  mkdirSync('build', { recursive: true });
  await compileKernels('assembly/limits-memory.ts', '--outFile', 'build/limits-memory.wasm');
  const module = new WebAssembly.Module(readFileSync('build/limits-memory.wasm'));
  const { exports } = instantiateSync(module, { env: { memory: bench.memory } });
  return exports as unknown as MemoryLoops;
}

/** Milliseconds of one run. */
function time(run: () => void): number {
  const start = performance.now();
  let runs = 0;
  let elapsed: number;
  do {
    run();
    runs++;
    elapsed = performance.now() - start;
  } while (elapsed < MILLISECONDS);
  return elapsed / runs;
}

function median(values: number[]): number {
  return Float64Array.from(values).sort()[values.length >> 1]!;
}
