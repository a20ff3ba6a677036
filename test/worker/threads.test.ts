/** Real Workers that fail: in set-up, while they train, and by their end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Tensor } from '../../src/index.ts';
import { train, WorkerError } from '../../src/worker/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'threads-'));
const workers: Worker[] = [];
afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.terminate())));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a set-up may throw, as text, and what arrives. */
const THROWN: [string, { name?: string; message: string | RegExp }][] = [
  ['Object.create(null)', { name: 'Error', message: /that has no text/ }],
  ['Object.assign(new Error("m"), { name: "toString" })', { name: 'toString', message: 'm' }],
  ['Object.assign(new Error("m"), { name: {} })', { name: '[object Object]', message: 'm' }],
  ['Object.assign(new Error("m"), { name: Symbol("s") })', { name: 'Symbol(s)', message: 'm' }],
  ['Object.assign(new Error("m"), { stack: () => {} })', { name: 'Error', message: 'm' }],
  ['Object.defineProperty(new Error, "message", { get() { throw 1 } })', { message: /\w/ }],
  ['new Proxy(new Error("m"), { getPrototypeOf() { throw 1 } })', { message: /\w/ }],
  ['{ toString: 1, valueOf: 1 }', { name: 'Error', message: /^a Object that has no text/ }],
  ['{ [Symbol.toPrimitive]() { throw 1 } }', { message: /that has no text/ }],
  ['Symbol("s")', { name: 'Error', message: 'Symbol(s)' }],
  ['() => {}', { name: 'Error', message: /=> \{/ }],
  ['undefined', { name: 'Error', message: 'undefined' }],
  ['null', { name: 'Error', message: 'null' }],
  ['0n', { name: 'Error', message: '0' }],
  ['new AggregateError([], "m")', { name: 'AggregateError', message: 'm' }],
  ['new DOMException("m", "DataError")', { name: 'DataError', message: 'm' }],
];

let script: string;
beforeAll(async () => {
  script = join(folder, 'worker.mjs');
  await build({
    stdin: {
      resolveDir: folder,
      contents: `
        import { parentPort } from 'node:worker_threads';
        import { serve } from 'evenkeel/worker';
        import { Tensor } from 'evenkeel';
        const thrown = [${THROWN.map(([text]) => `() => (${text})`).join(', ')}];
        const late = (value, ms) => new Promise((resolve) => setTimeout(() => resolve(value), ms));
        serve(async ({ what, at, end = 3 }, signal) => {
          if (what === 'setup') throw thrown[at]();
          if (what === 'hang') await new Promise(() => {});
          if (what === 'garbage') {
            parentPort.postMessage(null);
            parentPort.postMessage({ evenkeel: 'done', run: at, state: { step: { data: [1] } } });
          }
          let step = 0;
          const stateDict = () => {
            if (what === 'state') throw thrown[at]();
            if (what === 'numbers') return { step: 3 };
            if (what === 'same') {
              const w = Tensor.from([step]);
              w.toArray = () => w.view();
              return { a: w, b: w };
            }
            return { step: Tensor.from(step) };
          };
          return { model: { stateDict }, progress: (async function* () {
            while (step < end) {
              yield await late({ step: ++step }, 1);
              if (what === 'step') throw thrown[at]();
              if (what === 'stuck') await new Promise(() => {});
            }
          })() };
        }, parentPort);`,
    },
    alias: { 'evenkeel/worker': source('worker/index.ts'), evenkeel: source('index.ts') },
    outfile: script,
    bundle: true,
    format: 'esm',
    platform: 'node',
    nodePaths: [fileURLToPath(new URL('../../node_modules', import.meta.url))],
  });
});

function source(path: string): string {
  return fileURLToPath(new URL(`../../src/${path}`, import.meta.url));
}

function worker(file = script): Worker {
  const made = new Worker(file);
  workers.push(made);
  return made;
}

async function expectNextTraining(thread: Worker): Promise<void> {
  const run = train<{ step: number }>(thread, {});
  const seen: number[] = [];
  for await (const { step } of run) seen.push(step);
  expect(seen).toEqual([1, 2, 3]);
  expect((await run.stateDict).step!.item()).toBe(3);
}

describe('a Worker', () => {
  it.each(['setup', 'step', 'state'])('tells whatever its %s throws', async (what) => {
    const thread = worker();
    for (const [at, [, { name, message }]] of THROWN.entries()) {
      const run = train(thread, { what, at });
      const loop = (async () => {
        for await (const _ of run);
      })();
      const error = await loop.catch((e) => e);
      expect(error).toBeInstanceOf(Error);
      if (name) expect(error.name).toBe(name);
      expect(error.message).toMatch(message);
      await expect(run.stateDict).rejects.toBe(error);
    }
    await expectNextTraining(thread);
  });

  it('tells what throws in its script outside of serve', async () => {
    const reasons = THROWN.map(async ([text], at) => {
      const file = join(folder, `throws${at}.mjs`);
      writeFileSync(file, `throw (${text});`);
      const error = await train(worker(file), {}).stateDict.catch((e) => e);
      expect(error).toBeInstanceOf(WorkerError);
      expect(error.message).toMatch(/^train: the Worker ended before its run did: it failed: ./);
    });
    await Promise.all(reasons);
  });

  it('whose model cannot give its weights fails a snapshot and the run with the reason', async () => {
    const thread = worker();
    const run = train(thread, { what: 'state', at: 1, end: 1e9 });
    await expect(run.snapshot()).rejects.toMatchObject({ name: 'toString', message: 'm' });
    await expect(run.stateDict).rejects.toMatchObject({ name: 'toString' });
    await expect(train(thread, { what: 'numbers' }).stateDict).rejects.toThrow(
      /stateDict\(\) expected Tensors, got the number 3 as step/,
    );
    await expectNextTraining(thread);
  });

  it('sends weights that share an array', async () => {
    const state = await train(worker(), { what: 'same' }).stateDict;
    expect(Object.values(state).map((tensor) => tensor.item())).toEqual([3, 3]);
  });

  it('whose set-up or step never ends can be aborted, and takes the next run', async () => {
    const thread = worker();
    for (const what of ['hang', 'stuck']) {
      const controller = new AbortController();
      const run = train(thread, { what }, { signal: controller.signal });
      setTimeout(() => controller.abort(new Error('enough')), 20);
      await expect(run.stateDict).rejects.toThrow('enough');
      await expectNextTraining(thread);
    }
  });

  it('that sends garbage itself does not end the page', async () => {
    const thread = worker();
    const post = vi.spyOn(thread, 'postMessage');
    await train(thread, {}).stateDict;
    const next = (post.mock.calls[0]![0] as { run: number }).run + 1;
    const run = train(thread, { what: 'garbage', at: next });
    await expect(run.stateDict).rejects.toThrow(
      /sent a bad 'done' message: state: .*got undefined/,
    );
    await expectNextTraining(thread);
  });

  it.each([0, 5, 30])('that is terminated after %i ms ends its loop', async (ms) => {
    const thread = worker();
    const run = train(thread, { end: 1e9 });
    setTimeout(() => thread.terminate(), ms);
    const loop = async () => {
      for await (const _ of run);
    };
    await expect(loop()).rejects.toThrow(/ended before its run did: it exited with code [01]/);
    await expect(run.stateDict).rejects.toBeInstanceOf(WorkerError);
    await expect(run.snapshot()).rejects.toBeInstanceOf(WorkerError);
    expect(() => train(thread, {})).toThrow(/train: this Worker has exited: start another one/);
    await expectNextTraining(worker());
  });

  it('of the web that the page terminates ends its loop', async () => {
    const terminated = vi.fn();
    class WebWorker extends EventTarget {
      postMessage = vi.fn();
      terminate() {
        terminated(this);
      }
    }
    const thread = new WebWorker();
    const run = train(thread, {});
    const loop = (async () => {
      for await (const _ of run);
    })();
    thread.terminate();
    await expect(loop).rejects.toThrow(/ended before its run did: terminate\(\) was called/);
    expect(terminated).toHaveBeenCalledExactlyOnceWith(thread);
    expect(Object.keys(thread)).toEqual(['postMessage']); // as it was
  });
});

describe('data', () => {
  /** What arrives at the other end of a port. */
  async function arrived(data: unknown): Promise<unknown> {
    const { port1, port2 } = new MessageChannel();
    const message = new Promise((resolve) => {
      port2.onmessage = ({ data }) => data.evenkeel === 'train' && resolve(data.data);
    });
    const controller = new AbortController();
    const run = train(port1, data, { signal: controller.signal });
    const got = await message;
    controller.abort();
    await run.stateDict.catch(() => {});
    port1.close();
    return got;
  }

  it('may contain itself, and be in several places', async () => {
    const shared = { weight: Tensor.from([1, 2]) };
    const data: Record<string, unknown> = {
      a: shared,
      b: [1, shared],
      map: new Map([['k', shared]]),
    };
    data.self = data;
    data.list = [data];
    const got = (await arrived(data)) as Record<string, unknown>;
    expect(got.self).toBe(got);
    expect(got.list).toEqual([got]);
    expect(got.a).toEqual({ weight: { data: Float32Array.of(1, 2), shape: [2] } });
    expect((got.b as unknown[])[1]).toBe(got.a);
    expect((got.map as Map<string, unknown>).get('k')).toBe(got.a);
  });

  it('that is nested too deeply, or that throws, is refused, and the port is free again', async () => {
    const { port1, port2 } = new MessageChannel();
    let deep: unknown = {};
    for (let i = 0; i < 100_000; i++) deep = [deep];
    const bad: [unknown, RegExp][] = [
      [deep, /expected at most 1000 levels of nesting/],
      [
        {
          get x() {
            throw new Error('mine');
          },
        },
        /mine/,
      ],
      [
        new Proxy(
          {},
          {
            getPrototypeOf() {
              throw new Error('trap');
            },
          },
        ),
        /trap/,
      ],
      [{ s: Symbol('s') }, /could not be cloned/],
    ];
    for (const [data, message] of bad) expect(() => train(port1, data)).toThrow(message);
    expect(() => train(port1, {}, { signal: {} as AbortSignal })).toThrow(TypeError);
    expect(() => train(port1, {}, { transfer: [{}] })).toThrow();
    const run = train(port1, {});
    port1.close();
    await expect(run.stateDict).rejects.toBeInstanceOf(WorkerError);
    port2.close();
  });
});
