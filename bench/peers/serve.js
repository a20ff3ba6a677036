/**
 * A driver's loop: a request is a line of JSON on stdin, its answer a line on stdout. `prepare(item)` returns
 * { run, outputs, dispose? }: one run of the work, and its results after one run (of training steps and
 * optimizers: after three). All may be asynchronous.
 */
import { createInterface } from 'node:readline';

const SAMPLES = 256;

/** Numbers in [−0.5, 0.5): what bench/arena.ts calls fillUniform. */
export function uniform(count, seed) {
  const view = new Float32Array(count);
  let state = seed;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    view[i] = (state >>> 9) / 8388608 - 0.5;
  }
  return view;
}

export async function serve(prepare) {
  let work;
  for await (const line of createInterface({ input: process.stdin })) {
    const { item, milliseconds } = JSON.parse(line);
    let answer;
    try {
      if (item) {
        await work?.dispose?.();
        work = undefined;
        work = await prepare(item);
        answer = { samples: sample(await work.outputs()) };
      } else {
        answer = { time: await timeOf(work.run, milliseconds) };
      }
    } catch (error) {
      const reason = `${error?.message ?? error}`.split('\n')[0].slice(0, 200);
      answer = { error: reason || `${error}` };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

function processorTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function sample(values) {
  const count = Math.min(SAMPLES, values.length);
  return Array.from({ length: count }, (_, i) => values[Math.floor((i * values.length) / count)]);
}

/** As bench/measure.ts: the median of eight slices, in processor time. */
async function timeOf(run, milliseconds) {
  const elapsed = async (runs) => {
    const start = processorTime();
    for (let i = 0; i < runs; i++) {
      const pending = run();
      if (pending) await pending;
    }
    return processorTime() - start;
  };
  let batch = 1;
  let took = await elapsed(batch);
  for (; took < milliseconds / 16 && batch < 1e6; took = await elapsed(batch)) batch *= 2;
  const slices = [took / batch];
  for (let total = took; total < milliseconds; total += took) {
    took = await elapsed(batch);
    slices.push(took / batch);
  }
  return slices.sort((a, b) => a - b)[slices.length >> 1];
}
