/**
 * Activations, softmax and losses: nanoseconds an element, median of the rounds, and the multiple of
 * ReLU forward (one read, one write) in the same run. `npx tsx bench/activation.ts`
 */
import type { Pointer } from '../src/generated/kernels.ts';
import { Bench } from './peak.ts';

const bench = new Bench();
const { kernels: k } = bench;
const NULL = 0 as Pointer;

const n = 65_536;
const [x, dy, y] = [bench.floats(n), bench.floats(n), bench.floats(n)];
// Within ±4, where activations live.
const values = new Float32Array(bench.memory.buffer, x, n);
for (let i = 0; i < n; i++) values[i]! *= 8;
const classes = 256;
const rows = n / classes;
const labels = bench.bytes(rows * 4);
new Int32Array(bench.memory.buffer, labels, rows).fill(7);

const items: [string, () => unknown][] = [
  ['relu', () => k.reluForward(y, x, 0, n)],
  ['relu backward', () => k.reluBackward(y, x, dy, 0, n)],
  ['exp', () => k.expForward(y, x, 0, n)],
  ['log', () => k.logForward(y, x, 0, n)],
  ['sigmoid', () => k.sigmoidForward(y, x, 0, n)],
  ['sigmoid backward', () => k.sigmoidBackward(y, x, dy, 0, n)],
  ['tanh', () => k.tanhForward(y, x, 0, n)],
  ['silu', () => k.siluForward(y, x, 0, n)],
  ['silu backward', () => k.siluBackward(y, x, dy, 0, n)],
  ['elu', () => k.eluForward(y, x, 1, 0, n)],
  ['gelu', () => k.geluForward(y, x, 0, n)],
  ['gelu backward', () => k.geluBackward(y, x, dy, 0, n)],
  ['gelu, tanh', () => k.geluTanhForward(y, x, 0, n)],
  ['softmax [256, 256]', () => k.softmaxForward(y, x, classes, 1, 0, rows)],
  ['softmax [16, 64, 64]', () => k.softmaxForward(y, x, 64, 64, 0, 16)],
  ['softmax [6553, 10]', () => k.softmaxForward(y, x, 10, 1, 0, 6553)],
  [
    'cross-entropy [256, 256], both',
    () => {
      k.crossEntropyForward(y, x, labels, NULL, classes, 1, 0, -100, 0, rows);
      k.crossEntropyBackward(y, y, labels, NULL, classes, 1, 0, -100, 1, 0, rows);
    },
  ],
  ['mse', () => k.mseForward(x, dy, 0, n)],
  ['mse backward', () => k.mseBackward(y, x, dy, 1, 0, n)],
  ['bce with logits', () => k.bceWithLogitsForward(x, dy, NULL, NULL, n, 0, 1)],
];

const times = items.map((): number[] => []);
for (let round = 0; round < 25; round++) {
  for (const [i, [, run]] of items.entries()) {
    const start = performance.now();
    for (let j = 0; j < 8; j++) run();
    times[i]!.push(((performance.now() - start) * 1e6) / (8 * n));
  }
}
const medians = times.map((t) => t.sort((a, b) => a - b)[t.length >> 1]!);
console.log(`Node ${process.version}, ${n} elements`);
for (const [i, [name]] of items.entries()) {
  const ratio = medians[i]! / medians[0]!;
  console.log(`${name.padEnd(32)}${medians[i]!.toFixed(3)} ns${ratio.toFixed(1).padStart(8)} ×`);
}
