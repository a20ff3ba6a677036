/** Training on threads: the bits of one, in a small network and in a step that every kernel divides. */
import type * as Evenkeel from 'evenkeel';
import type * as Data from 'evenkeel/data';
import type { useThreads } from 'evenkeel/threads';
import { hashed } from '../../support/hashed.ts';
import { run } from './run.ts';

export interface ThreadsAnswer {
  /** Why there are no threads. */
  reason?: string;
  /** For each number of threads the hash of run.ts, and whether a large step has the bits of one thread. */
  hashes: Record<string, string>;
  others: number[];
  /** How many threads there are after `close`. */
  closed: number;
  /** A step's time on one thread, and on two. */
  milliseconds: [number, number];
}

export async function threaded(
  evenkeel: typeof Evenkeel,
  data: typeof Data,
  start: typeof useThreads,
  counts: readonly number[],
): Promise<ThreadsAnswer> {
  const answer: ThreadsAnswer = { hashes: {}, others: [], closed: 0, milliseconds: [0, 0] };
  const alone = steps(evenkeel);
  answer.milliseconds[0] = alone.milliseconds;
  for (const n of counts) {
    const threads = await start(n);
    if (threads.count !== n) return { ...answer, reason: threads.reason ?? `${threads.count}` };
    answer.hashes[n] = (await run(evenkeel, data)).hash;
    const { bits, milliseconds } = steps(evenkeel);
    if (n === 2) answer.milliseconds[1] = milliseconds;
    if (bits !== alone.bits) answer.others.push(n);
    if (n === counts.at(-1)) {
      threads.close();
      answer.closed = threads.count;
    }
  }
  answer.hashes.closed = (await run(evenkeel, data)).hash;
  return answer;
}

/** Some steps of a convolutional network: the bits of its state, and the least time of a step. */
function steps(evenkeel: typeof Evenkeel): { bits: string; milliseconds: number } {
  const { Adam, BatchNorm2d, Conv2d, CrossEntropyLoss, Flatten, Linear, MaxPool2d } = evenkeel;
  const { manualSeed, ReLU, Sequential } = evenkeel;
  manualSeed(1);
  const model = new Sequential(
    ...[new Conv2d(1, 16, 3, { padding: 1 }), new BatchNorm2d(16), new ReLU(), new MaxPool2d(2)],
    ...[new Conv2d(16, 32, 3, { padding: 1 }), new BatchNorm2d(32), new ReLU(), new MaxPool2d(2)],
    ...[new Flatten(), new Linear(1568, 10)],
  );
  const loss = new CrossEntropyLoss();
  const optimizer = new Adam(model.parameters());
  const inputs = { data: Float32Array.from(hashed(1, 32 * 784)), shape: [32, 1, 28, 28] };
  const targets = Int32Array.from(hashed(2, 32), (u) => Math.floor(u * 10));
  let milliseconds = Infinity;
  for (let i = 0; i < 8; i++) {
    const before = performance.now();
    loss.forward(model.forward(inputs), targets);
    optimizer.zeroGrad();
    model.backward(loss.backward());
    optimizer.step();
    milliseconds = Math.min(milliseconds, performance.now() - before);
  }
  const words = Object.values(model.stateDict()).flatMap((tensor) => [
    ...new Int32Array(tensor.toArray().buffer),
  ]);
  const bits = words.reduce((sum, word) => (Math.imul(sum, 31) + word) | 0, 0);
  for (const thing of [model, loss, optimizer]) thing.dispose();
  return { bits: `${words.length} ${bits}`, milliseconds };
}
