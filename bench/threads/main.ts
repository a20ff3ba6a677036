/**
 * Works on one thread and on several, in turn, by wall clock, since the processor's time counts all threads. This
 * program runs in a process of its own and on the sources, whose limits it moves, and prints its rows as JSON:
 *
 *   npx tsx --tsconfig tsconfig.check.json bench/threads/main.ts --threads 2 --rounds 15 --ms 200
 */
import { parseArgs } from 'node:util';
import { BatchNorm1d, BatchNorm2d, CrossEntropyLoss, Linear, manualSeed, SGD } from 'evenkeel';
import { useThreads } from 'evenkeel/threads';
import { ResNet20 } from '../../examples/networks/resnet.ts';
import { LIMITS } from '../../src/threads/pool.ts';
import { fillUniform } from '../arena.ts';
import { statistic } from '../measure.ts';
import { stepper } from '../works/step.ts';
import type { ThreadsRow } from '../works/threads.ts';

const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '15' },
    ms: { type: 'string', default: '200' },
    only: { type: 'string', default: '' },
  },
});
const rounds = Number(options.rounds);
const milliseconds = Number(options.ms);

/** What is timed, made when it is its turn. */
const WORKS: Record<string, () => () => void> = {
  'step, cnn + batch norm, batch 100, Adam': () => stepper('cnn').step,
  'step, mlp + batch norm, batch 100, Adam': () => stepper('mlp').step,
  'step, ResNet-20, [64, 3, 32, 32], SGD': resnet,
  'batch norm forward and backward, [256, 1024]': () => norm(new BatchNorm1d(1024), [256, 1024]),
  'batch norm forward and backward, [1024, 200]': () => norm(new BatchNorm1d(200), [1024, 200]),
  'batch norm forward and backward, [100, 64, 14, 14]': () =>
    norm(new BatchNorm2d(64), [100, 64, 14, 14]),
  'batch norm forward and backward, [100, 32, 28, 28]': () =>
    norm(new BatchNorm2d(32), [100, 32, 28, 28]),
  'batch norm forward and backward, [4096, 512]': () => norm(new BatchNorm1d(512), [4096, 512]),
  'Linear forward, [512, 512] · [512, 512]': () => {
    const layer = new Linear(512, 512);
    const inputs = { data: fillUniform(new Float32Array(512 * 512), 1), shape: [512, 512] };
    return () => void layer.forward(inputs);
  },
};

function resnet(): () => void {
  manualSeed(1);
  const model = new ResNet20(3);
  const loss = new CrossEntropyLoss();
  const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  const inputs = {
    data: fillUniform(new Float32Array(64 * 3 * 1024), 1),
    shape: [64, 3, 32, 32],
  };
  const targets = Int32Array.from({ length: 64 }, (_, i) => i % 10);
  return () => {
    loss.forward(model.forward(inputs), targets);
    optimizer.zeroGrad();
    model.backward(loss.backward());
    optimizer.step();
  };
}

/** Forward and backward, copies of x and dy into the workspace included. */
function norm(layer: BatchNorm1d | BatchNorm2d, shape: number[]): () => void {
  const size = shape.reduce((a, b) => a * b);
  const x = { data: fillUniform(new Float32Array(size), 1), shape };
  const dy = { data: fillUniform(new Float32Array(size), 2), shape };
  return () => {
    layer.forward(x);
    layer.backward(dy).toArray();
  };
}

const usual = { ...LIMITS };
const whole = () => Object.assign(LIMITS, { call: Infinity });
const divided = () => Object.assign(LIMITS, usual);

/** Milliseconds of one run. */
function time(run: () => void, runs: number): number {
  const start = performance.now();
  for (let i = 0; i < runs; i++) run();
  return (performance.now() - start) / runs;
}

const threads = await useThreads(Number(options.threads));
if (threads.reason) throw new Error(threads.reason);
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
  for (let round = 0; round < rounds; round++) {
    whole();
    one.push(time(run, runs));
    divided();
    several.push(time(run, runs));
  }
  rows.push({
    name,
    threads: threads.count,
    one: statistic(one),
    several: statistic(several),
    ratio: statistic(one.map((t, i) => t / several[i]!)),
  });
  if (process.stderr.isTTY || options.only) console.error(JSON.stringify(rows.at(-1)));
}
console.log(JSON.stringify(rows));
process.exit(0);
