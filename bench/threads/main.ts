/**
 * Works on one thread and on several, in turn, by wall clock, since the processor's time counts all threads. This
 * program runs in a process of its own and on the sources, whose limits it moves, and prints its rows as JSON:
 *
 *   npx tsx --tsconfig tsconfig.check.json bench/threads/main.ts --threads 2 --rounds 15 --ms 200
 *
 * --torch takes turns with PyTorch's steps, too, on as many threads.
 *
 * With --quiet a round counts only if other programs took less than a twentieth of the processors meanwhile (on
 * Linux), and the program waits up to --patience seconds for the rounds of a work.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Linear } from 'evenkeel';
import { useThreads } from 'evenkeel/threads';
import { Block, offset, type Pointer } from '../../src/memory/memory.ts';
import { kernels } from '../../src/runtime/engine.ts';
import { LIMITS } from '../../src/threads/pool.ts';
import { fillUniform } from '../arena.ts';
import { statistic } from '../measure.ts';
import { Peer } from '../peers/peer.ts';
import { gruStepper } from '../works/recurrent.ts';
import { itemOf, NETWORKS, type Network, shapeOf, stepper } from '../works/step.ts';
import type { ThreadsRow } from '../works/threads.ts';

const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '15' },
    ms: { type: 'string', default: '200' },
    only: { type: 'string', default: '' },
    torch: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
    patience: { type: 'string', default: '60' },
  },
});
const rounds = Number(options.rounds);
const milliseconds = Number(options.ms);

/** What is timed, made when it is its turn. */
const WORKS: Record<string, () => () => void> = {
  ...Object.fromEntries(NETWORKS.map((name) => [nameOf(name), () => stepper(name).step])),
  'step, GRU [28, 100, 28] → 128, Linear → 10, Adam': () => gruStepper().step,
  'batch norm forward and backward, [256, 1024]': () => norm(256, 1024, 0),
  'batch norm forward and backward, [1024, 200]': () => norm(1024, 200, 0),
  'batch norm forward and backward, [4096, 512]': () => norm(4096, 512, 0),
  'batch norm forward and backward, [32, 64, 14, 14]': () => norm(32, 64, 196),
  'batch norm forward and backward, [100, 64, 14, 14]': () => norm(100, 64, 196),
  'batch norm forward and backward, [100, 32, 28, 28]': () => norm(100, 32, 784),
  'Linear forward, [512, 512] · [512, 512]': () => {
    const layer = new Linear(512, 512);
    const inputs = { data: fillUniform(new Float32Array(512 * 512), 1), shape: [512, 512] };
    return () => void layer.forward(inputs);
  },
};

function nameOf(network: Network): string {
  return `step, ${shapeOf(network)}`;
}

/** The kernels of a training step of batch norm, forward and backward, on numbers that stay where they are. */
function norm(n: number, c: number, s: number): () => void {
  const size = n * c * Math.max(s, 1);
  const [x, dy, y, dx] = [1, 2, 3, 4].map((seed) => {
    const block = new Block(4 * size);
    fillUniform(block.f32, seed);
    return block.ptr as Pointer<never>;
  }) as [Pointer<never>, Pointer<never>, Pointer<never>, Pointer<never>];
  const [statistics, coefficients, gradients] = [4 * c, 5 * c, 2 * c].map(
    (count) => new Block(4 * count).ptr as Pointer<never>,
  ) as [Pointer<never>, Pointer<never>, Pointer<never>];
  const sizes = new Block(12);
  sizes.i32.set([n, c, s]);
  const shape = sizes.ptr as Pointer<never>;
  const scratch = new Block(kernels().batchNormScratch(shape)).ptr;
  const none = 0 as Pointer;
  return () => {
    const k = kernels();
    k.batchNormStatistics(statistics, x, shape, 1e-5, 0, c, scratch);
    k.batchNormAffine(coefficients, statistics, none, none, c, 0, c);
    k.batchNormForward(y, coefficients, x, shape, 0, 0, n, scratch);
    k.batchNormBackwardSums(coefficients, dy, x, shape, 0, 0, c, scratch);
    const both = [gradients, offset(gradients, c)] as const;
    k.batchNormAffineBackward(...both, coefficients, statistics, c, size / c, 0, c, scratch);
    k.batchNormBackward(dx, coefficients, dy, x, shape, 0, 0, n, scratch);
  };
}

const usual = { ...LIMITS };
const whole = () => Object.assign(LIMITS, { call: Infinity });
const divided = () => Object.assign(LIMITS, usual);

/** What the division of a call costs: one of 64 numbers, whole and divided. */
function barrier(): ThreadsRow {
  const block = new Block(256);
  const run = () => kernels().reluForward(block.ptr, block.ptr, 0, 64);
  const one: number[] = [];
  const several: number[] = [];
  for (let round = -5; round < rounds; round++) {
    whole();
    const alone = time(run, 5000);
    Object.assign(LIMITS, { call: 0, share: 0 });
    const together = time(run, 5000);
    if (round < 0) continue;
    one.push(alone);
    several.push(together);
  }
  divided();
  const ratio = statistic(one.map((t, i) => t / several[i]!));
  const name = 'barrier, a call of 64 numbers';
  return {
    name,
    threads: threads.count,
    rounds,
    one: statistic(one),
    several: statistic(several),
    ratio,
  };
}

/** Milliseconds of one run. */
function time(run: () => void, runs: number): number {
  const start = performance.now();
  for (let i = 0; i < runs; i++) run();
  return (performance.now() - start) / runs;
}

/** Seconds that all processors were busy, that this program took of them, and of the clock. */
function load(): { busy: number; own: number; clock: number } {
  const clock = performance.now() / 1000;
  const { user, system } = process.cpuUsage();
  const own = (user + system) / 1e6;
  if (!options.quiet) return { busy: own, own, clock };
  const [, ...ticks] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .split(/\s+/)
    .map(Number);
  const busy = (ticks[0]! + ticks[1]! + ticks[2]! + ticks[5]! + ticks[6]! + ticks[7]!) / 100;
  return { busy, own, clock };
}

/** The share of all processors that other programs took since then. */
function othersSince(before: ReturnType<typeof load>): number {
  const now = load();
  const others = now.busy - before.busy - (now.own - before.own);
  return others / (now.clock - before.clock) / availableParallelism();
}

const threads = await useThreads(Number(options.threads));
if (threads.reason) throw new Error(threads.reason);
const torch = new Peer(
  'pytorch',
  ['env', `THREADS=${threads.count}`, process.env.PYTHON ?? 'python3', 'bench/peers/pytorch.py'],
  120_000,
);

/**
 * PyTorch's milliseconds of a run, after it has prepared a step; nothing without --torch, without PyTorch, or for
 * other works.
 */
async function rivalOf(name: string): Promise<(() => Promise<number>) | undefined> {
  const network = NETWORKS.find((network) => nameOf(network) === name);
  if (!options.torch || !network) return undefined;
  const prepared = await torch.ask({ item: { group: 'step', ...itemOf(network) } });
  if (prepared.error) {
    console.error(`${name}: PyTorch: ${prepared.error}`);
    return undefined;
  }
  return async () => (await torch.ask({ milliseconds })).time!;
}

const rows: ThreadsRow[] = [];
for (const [name, make] of Object.entries(WORKS)) {
  if (!name.includes(options.only)) continue;
  const run = make();
  whole();
  time(run, 3);
  const runs = Math.max(1, Math.round(milliseconds / time(run, 3)));
  divided();
  time(run, 3);
  const one: number[] = [];
  const several: number[] = [];
  const theirs: number[] = [];
  const rival = await rivalOf(name);
  await rival?.();
  const end = performance.now() + 1000 * Number(options.patience);
  while (one.length < rounds) {
    const before = load();
    whole();
    const alone = time(run, runs);
    divided();
    const together = time(run, runs);
    const quiet = !options.quiet || othersSince(before) < 0.05;
    const torchs = await rival?.();
    // The threads of other libraries spin for a while after their last call.
    if (rival) await new Promise((resolve) => setTimeout(resolve, 200));
    if (quiet) {
      one.push(alone);
      several.push(together);
      if (torchs) theirs.push(torchs);
    } else if (performance.now() > end) break;
  }
  if (one.length === 0) continue; // never quiet
  rows.push({
    name,
    threads: threads.count,
    rounds: one.length,
    one: statistic(one),
    several: statistic(several),
    ratio: statistic(one.map((t, i) => t / several[i]!)),
    ...(rival && { torch: statistic(theirs.map((t, i) => several[i]! / t)) }),
  });
  const { ratio, torch: share } = rows.at(-1)!;
  const beside = share ? `, ${share.median.toFixed(2)} × PyTorch's time` : '';
  console.error(`${name}: ${ratio.median.toFixed(2)} ×${beside}, ${one.length} rounds`);
}
torch.close();
rows.push(barrier());
console.log(JSON.stringify(rows));
process.exit(0);
