/**
 * Optimizer steps, the gradient norm, averaging, dropout and draws over a million numbers: nanoseconds
 * an element, median of the rounds, beside scaling in place (one read, one write of the same bytes) in
 * the same run. `npx tsx bench/optim.ts`, then `python3 bench/optim.py` for PyTorch on one thread.
 */
import type { Pointer } from '../src/generated/kernels.ts';
import { Bench } from './peak.ts';

const bench = new Bench();
const { kernels: k } = bench;
const NULL = 0 as Pointer;

const n = 1 << 20;
const block = () => bench.floats(n + 80); // not a multiple of 4 KB apart
const [w, g, m, v, x] = [block(), block(), block(), block(), block()];
const positive = new Float32Array(bench.memory.buffer, v, n);
for (let i = 0; i < n; i++) positive[i] = Math.abs(positive[i]!);
const scratch = bench.bytes(64);

const items: [string, () => unknown][] = [
  ['scale in place', () => k.scaleInPlace(x, 1, 0, n)],
  ['SGD', () => k.sgdStep(w, g, 1e-3, 0, 0, n)],
  ['SGD, momentum', () => k.sgdMomentumStep(w, m, g, 1e-3, 0.9, 0, 0, 0, 0, 0, n)],
  ['Adam', () => k.adamStep(w, m, v, NULL, g, 1e-3, 0.9, 0.999, 1e-8, 0, 0, 5, 0, n)],
  ['AdamW, amsgrad', () => k.adamStep(w, m, v, x, g, 1e-3, 0.9, 0.999, 1e-8, 0.01, 1, 5, 0, n)],
  ['RMSprop', () => k.rmspropStep(w, v, NULL, NULL, g, 1e-3, 0.99, 1e-8, 0, 0, 0, n)],
  ['gradient norm', () => k.sumOfSquares(g, 0, n)],
  ['moving average', () => k.emaUpdate(x, w, 0.999, 0, n)],
  ['dropout', () => k.dropout(x, g, 0.5, 2, 1, 0, 0, n, scratch)],
  ['bits', () => k.randomBits(x, 1, 0, 0, n, scratch)],
  ['uniform', () => k.randomUniform(x, 0, 1, 1, 0, 0, n, scratch)],
  ['normal', () => k.randomNormal(x, 0, 1, 1, 0, 0, n, scratch)],
];

const times = items.map((): number[] => []);
for (let round = 0; round < 25; round++) {
  for (const [i, [, run]] of items.entries()) {
    const start = performance.now();
    run();
    times[i]!.push(((performance.now() - start) * 1e6) / n);
  }
}
const medians = times.map((t) => t.sort((a, b) => a - b)[t.length >> 1]!);
console.log(`Node ${process.version}, ${n} elements`);
for (const [i, [name]] of items.entries()) {
  const ratio = medians[i]! / medians[0]!;
  console.log(`${name.padEnd(20)}${medians[i]!.toFixed(3)} ns${ratio.toFixed(1).padStart(8)} ×`);
}
