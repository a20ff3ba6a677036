/**
 * Runs training and prediction for long, and prints what memory does: `npm run test:soak`, or with
 * `--scale 0.02` a fiftieth of it. Fails if linear memory, the heap or the process grows.
 *
 * Each phase runs a warm-up first, which meets every shape that follows. From then on linear memory must not
 * change at all; the heap and the resident set may differ by what their collectors leave.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Command } from 'commander';
import {
  Adam,
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  CrossEntropyLoss,
  Flatten,
  GlobalAvgPool,
  Linear,
  MaxPool2d,
  type Module,
  manualSeed,
  memoryUsage,
  ReLU,
  Sequential,
  scope,
} from '../../src/index.ts';
import { TestRandom } from '../support/random.ts';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

const { scale } = new Command()
  .option('--scale <factor>', 'how much of the full length', Number, 1)
  .parse()
  .opts<{ scale: number }>();

const MIB = 2 ** 20;
/** How much more the heap and the resident set may have at the end than after the warm-up. */
const HEAP_SLACK = 4 * MIB;
const RSS_SLACK = 64 * MIB;

const random = new TestRandom(1);
const values = random.normals(64 * 3 * 40 * 40);
const batch = (n: number, ...shape: number[]) => {
  const size = shape.reduce((product, extent) => product * extent, n);
  return { data: values.subarray(0, size), shape: [n, ...shape] };
};
const labels = Int32Array.from({ length: 64 }, () => random.integer(4));

const perceptron = () =>
  new Sequential(
    new Linear(16, 12, { bias: false }),
    new BatchNorm1d(12),
    new ReLU(),
    new Linear(12, 4),
  );
const convolutional = () =>
  new Sequential(
    new Conv2d(3, 8, 3, { padding: 1, bias: false }),
    new BatchNorm2d(8),
    new ReLU(),
    new MaxPool2d(2),
    new GlobalAvgPool(),
    new Flatten(),
    new Linear(8, 4),
  );

class Trainer {
  readonly loss = new CrossEntropyLoss();
  readonly optimizer: Adam;

  constructor(readonly model: Module) {
    this.optimizer = new Adam(model.parameters(), { lr: 1e-3 });
  }

  step(n: number): void {
    this.loss.forward(this.model.forward(batch(n, 16)), labels.subarray(0, n));
    this.optimizer.zeroGrad();
    this.model.backward(this.loss.backward());
    this.optimizer.step();
  }

  dispose(): void {
    for (const thing of [this.model, this.loss, this.optimizer]) thing.dispose();
  }
}

interface Phase {
  readonly name: string;
  readonly times: number;
  /** Calls before the first measurement: every shape, and the most memory, has been met then. */
  readonly warmUp: number;
  /** Whether it drops what only the garbage collector can release: `total` alone is then held. */
  readonly drops?: boolean;
  readonly run: (i: number) => void;
}

const trainer = new Trainer(perceptron());
const network = convolutional();
// A batch of every size, largest first; more of them than plans are kept.
const sizes = [64, ...Array.from({ length: 31 }, (_, i) => 2 * i + 2)];
const side = () => 4 + random.integer(37);

const phases: Phase[] = [
  {
    name: 'steps, batches of 2 to 64',
    times: 100_000,
    warmUp: 64,
    run: (i) => trainer.step(i < 64 ? sizes[i % 32]! : 2 + random.integer(63)),
  },
  {
    name: 'predicts of random shapes',
    times: 10_000,
    warmUp: 64,
    run: (i) =>
      network.predict(
        i === 0 ? batch(8, 3, 40, 40) : batch(1 + random.integer(8), 3, side(), side()),
      ),
  },
  {
    name: 'models made and disposed',
    times: 10_000,
    warmUp: 20,
    run: () => {
      const made = new Trainer(perceptron());
      made.step(32);
      made.dispose();
    },
  },
  {
    name: 'models made in a scope',
    times: 10_000,
    warmUp: 20,
    run: () => scope(() => new Trainer(perceptron()).step(32)),
  },
  {
    name: 'models made and dropped',
    times: 10_000,
    warmUp: 1000,
    drops: true,
    run: () => {
      const made = new Trainer(perceptron());
      made.step(32);
      made.model.predict(batch(32, 16));
    },
  },
];

interface Reading {
  readonly total: number;
  readonly used: number;
  readonly heap: number;
  readonly rss: number;
}

async function read(): Promise<Reading> {
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5)); // finalizers run between turns
    collect();
  }
  await new Promise((resolve) => setTimeout(resolve, 5));
  const { heapUsed, external, rss } = process.memoryUsage();
  return { ...memoryUsage(), heap: heapUsed + external - memoryUsage().total, rss };
}

const faults: string[] = [];
const kib = (bytes: number) => `${(bytes / 1024).toFixed(0)}`.padStart(9);

function print(name: string, count: number, { total, used, heap, rss }: Reading): void {
  const cells = [kib(total), kib(used), kib(heap), kib(rss)];
  console.log(`${name.padEnd(28)} ${String(count).padStart(7)} ${cells.join(' ')}`);
}

manualSeed(1);
console.log(`${'KiB'.padEnd(28)}   after     total      used      heap       rss`);
for (const { name, times, warmUp, drops, run } of phases) {
  const end = Math.max(2 * warmUp, Math.round(times * scale));
  let at = 0;
  const go = async (to: number) => {
    for (; at < to; at++) {
      run(at);
      if (at % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
      if (drops && at % 250 === 249) await read();
    }
    const reading = await read();
    print(name, at, reading);
    return reading;
  };
  const start = await go(warmUp);
  for (const part of [0.25, 0.5, 0.75, 1]) {
    const now = await go(Math.round(warmUp + (end - warmUp) * part));
    const held = (key: keyof Reading, slack: number) => {
      if (now[key] <= start[key] + slack) return;
      faults.push(`${name}: ${key} grew from ${start[key]} to ${now[key]} after ${at}`);
    };
    held('total', 0);
    // The structs of the plans that are kept differ from shape to shape.
    held('used', drops ? MIB : 4096);
    held('heap', HEAP_SLACK);
    held('rss', RSS_SLACK);
  }
}
trainer.dispose();
network.dispose();
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
