/**
 * Training in a Worker: both sides over a MessageChannel in one thread, where each end can be watched,
 * and then in real worker_threads. Browsers, Deno and Bun run the same in test/bundlers and examples.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  BatchNorm1d,
  CrossEntropyLoss,
  fit,
  Linear,
  type Module,
  manualSeed,
  type Progress,
  ReLU,
  Sequential,
  SGD,
  Tensor,
} from '../../src/index.ts';
import { type Setup, serve, train } from '../../src/worker/index.ts';
import { TestRandom } from '../support/random.ts';

const random = new TestRandom(5);
const inputs = { data: random.uniforms(60 * 4, -1, 1), shape: [60, 4] };
const targets = Int32Array.from({ length: 60 }, () => random.integer(3));

function network(): Sequential {
  manualSeed(11);
  return new Sequential(new Linear(4, 8), new BatchNorm1d(8), new ReLU(), new Linear(8, 3));
}

interface Request {
  inputs: { data: Float32Array; shape: number[] };
  targets: Int32Array;
  epochs: number;
}

const setup: Setup<Request, Progress> = ({ epochs, ...data }, signal) => {
  const model = network();
  const loss = new CrossEntropyLoss();
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  return {
    model,
    progress: fit(model, data, { loss, optimizer, epochs, batchSize: 20, seed: 2, signal }),
  };
};

/** What the run gives on the spot. */
async function directly(epochs: number): Promise<Module> {
  const { model, progress } = await setup(
    { inputs, targets, epochs },
    new AbortController().signal,
  );
  for await (const _ of progress);
  return model as Module;
}

const arrays = (state: Record<string, Tensor>) =>
  Object.entries(state).map(([name, tensor]) => [name, tensor.shape, [...tensor.toArray()]]);

const channels: MessageChannel[] = [];
afterEach(() => {
  for (const { port1, port2 } of channels.splice(0)) {
    port1.close();
    port2.close();
  }
});

/** A port whose other end runs `what`. */
function serving(what: Setup<never, unknown>): MessagePort {
  const channel = new MessageChannel();
  channels.push(channel);
  serve(what, channel.port2);
  return channel.port1;
}

/** A run that counts to `end` and has one weight: how far it came. */
function counting(end: number, pause = 0): Setup<unknown, { step: number }> {
  return () => {
    let step = 0;
    const model = { stateDict: () => ({ step: Tensor.from(step) }) };
    async function* progress() {
      while (step < end) {
        if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
        yield { step: ++step };
      }
    }
    return { model, progress: progress() };
  };
}

describe('train and serve', () => {
  it('give the progress of fit and its weights, as if trained on the spot', async () => {
    const run = train(serving(setup), { inputs, targets, epochs: 3 });
    const steps: Progress[] = [];
    for await (const step of run) steps.push(step);
    expect(steps.map(({ epoch, step, steps }) => [epoch, step, steps])).toEqual(
      [1, 2, 3].flatMap((epoch) => [1, 2, 3].map((step) => [epoch, step, 3])),
    );
    for (const { loss } of steps) expect(loss).toBeGreaterThan(0);
    const state = await run.stateDict;
    const expected = await directly(3);
    expect(arrays(state)).toEqual(arrays(expected.stateDict()));
    const model = network();
    model.loadStateDict(state);
    expect(model.predict(inputs).toArray()).toEqual(expected.predict(inputs).toArray());
  });

  it('need no loop', async () => {
    const { stateDict } = train(serving(setup), { inputs, targets, epochs: 1 });
    expect(arrays(await stateDict)).toEqual(arrays((await directly(1)).stateDict()));
  });

  it('transfer weights instead of copying them', async () => {
    const { port1, port2 } = new MessageChannel();
    channels.push({ port1, port2 } as MessageChannel);
    const post = vi.spyOn(port2, 'postMessage');
    serve(setup, port2);
    await train(port1, { inputs, targets, epochs: 1 }).stateDict;
    const [reply, transferred] = post.mock.lastCall as unknown as [
      { evenkeel: string; state: Record<string, { data: Float32Array }> },
      ArrayBuffer[],
    ];
    expect(reply.evenkeel).toBe('done');
    const names = Object.keys(network().stateDict());
    expect(Object.keys(reply.state)).toEqual(names);
    expect(transferred).toHaveLength(names.length);
    for (const buffer of transferred) expect(buffer.byteLength).toBe(0); // it has left
  });

  it('send many short steps in few messages, in order', async () => {
    const port = serving(counting(20_000));
    const messages = vi.fn();
    port.addEventListener('message', messages);
    const seen: number[] = [];
    for await (const { step } of train<{ step: number }>(port, null)) seen.push(step);
    expect(seen).toEqual(Array.from({ length: 20_000 }, (_, i) => i + 1));
    expect(messages.mock.calls.length).toBeLessThan(1000);
  });

  it('are told of a step although the next one waits', async () => {
    let goOn = (): void => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const port = serving(() => ({
      model: network(),
      progress: (async function* () {
        yield 'first';
        await held;
        yield 'second';
      })(),
    }));
    const seen: unknown[] = [];
    for await (const step of train<string>(port, {})) {
      seen.push(step);
      goOn(); // only now may the second step come
    }
    expect(seen).toEqual(['first', 'second']);
  });

  it('run one after the other in the same Worker', async () => {
    const port = serving(counting(3));
    for (let i = 0; i < 3; i++) {
      expect((await train(port, null).stateDict).step!.item()).toBe(3);
    }
  });

  it('refuse a second run beside the first', async () => {
    const port = serving(counting(5, 5));
    const first = train(port, null);
    expect(() => train(port, null)).toThrow(/got one that is training/);
    await first.stateDict;
    expect((await train(port, null).stateDict).step!.item()).toBe(5);
  });

  it('leave other messages alone', async () => {
    const port = serving(counting(2));
    const other = vi.fn();
    port.addEventListener('message', ({ data }) => data.mine && other());
    channels.at(-1)!.port2.postMessage({ mine: true });
    port.postMessage('not for it');
    expect((await train(port, null).stateDict).step!.item()).toBe(2);
    expect(other).toHaveBeenCalledOnce();
  });
});

describe('a run', () => {
  it('stops when its loop is left, and keeps the weights so far', async () => {
    const run = train<{ step: number }>(serving(counting(1_000_000, 1)), null);
    for await (const { step } of run) if (step >= 5) break;
    const steps = (await run.stateDict).step!.item();
    expect(steps).toBeGreaterThanOrEqual(5);
    expect(steps).toBeLessThan(1_000_000);
  });

  it('stops on stop(), and its loop then ends', async () => {
    const run = train<{ step: number }>(serving(counting(1_000_000, 1)), null);
    let last = 0;
    for await (const { step } of run) {
      last = step;
      if (step === 3) run.stop();
    }
    expect((await run.stateDict).step!.item()).toBe(last);
  });

  it('gives snapshots while it goes on, and the last one afterwards', async () => {
    const run = train<{ step: number }>(serving(counting(40, 2)), null);
    const early = (await run.snapshot()).step!.item();
    expect(early).toBeLessThan(40);
    const [a, b] = await Promise.all([run.snapshot(), run.snapshot()]);
    expect(a.step!.item()).toBe(b.step!.item());
    expect(a.step!.item()).toBeGreaterThanOrEqual(early);
    expect((await run.stateDict).step!.item()).toBe(40);
    expect(await run.snapshot()).toBe(await run.stateDict);
  });

  it('gives a snapshot that was asked for before there was a model', async () => {
    let ready!: () => void;
    const made = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const port = serving(async () => {
      await made;
      return counting(40, 2)(null, new AbortController().signal);
    });
    const run = train(port, null);
    const asked = run.snapshot();
    setTimeout(ready, 10);
    expect((await asked).step!.item()).toBe(0);
    run.stop();
    await run.stateDict;
  });

  it('hears the page although its steps never wait', async () => {
    let heard = true;
    const port = serving(() => {
      const end = performance.now() + 10_000;
      return {
        model: network(),
        progress: (function* () {
          while (performance.now() < end) yield 1;
          heard = false;
        })(),
      };
    });
    const run = train(port, null);
    run.stop();
    await run.stateDict;
    expect(heard).toBe(true);
  });

  it('ends at once with the signal’s reason, and the Worker takes the next run', async () => {
    const port = serving(setup);
    const controller = new AbortController();
    const { signal } = controller;
    const run = train(port, { inputs, targets, epochs: 1_000_000 }, { signal });
    const loop = (async () => {
      for await (const _ of run) controller.abort(new Error('enough'));
    })();
    await expect(loop).rejects.toThrow('enough');
    await expect(run.stateDict).rejects.toThrow('enough');
    expect(arrays(await train(port, { inputs, targets, epochs: 2 }).stateDict)).toEqual(
      arrays((await directly(2)).stateDict()),
    );
  });

  it('aborts a set-up that is still fetching', async () => {
    const aborted = vi.fn();
    const port = serving(async (_, signal) => {
      await new Promise((_, reject) => signal.addEventListener('abort', reject));
      throw aborted();
    });
    const controller = new AbortController();
    const run = train(port, null, { signal: controller.signal });
    setTimeout(() => controller.abort(), 10);
    await expect(run.stateDict).rejects.toThrow(/abort/);
  });

  it('does not begin with a signal that is aborted already', async () => {
    const start = vi.fn();
    const run = train(serving(start), null, { signal: AbortSignal.abort(new Error('before')) });
    await expect(run.stateDict).rejects.toThrow('before');
    expect(start).not.toHaveBeenCalled();
  });

  it('throws what its set-up and its steps throw, with kind, message and stack', async () => {
    const failing = serving(function thrower() {
      throw new RangeError('too much');
    });
    const error = await train(failing, null).stateDict.catch((e) => e);
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toBe('too much');
    expect(error.stack).toContain('thrower');

    const later = serving(() => ({
      model: network(),
      progress: (function* () {
        yield 1;
        throw Object.assign(new Error('tired'), { name: 'Fatigue' });
      })(),
    }));
    const seen: number[] = [];
    const loop = async () => {
      for await (const step of train<number>(later, null)) seen.push(step);
    };
    await expect(loop()).rejects.toMatchObject({ name: 'Fatigue', message: 'tired' });
    expect(seen).toEqual([1]);
  });

  it.each([
    ['nothing', undefined, /expected to return \{ model, progress \}.* got undefined/],
    ['no model', { progress: [] }, /a stateDict\(\), got the model undefined/],
    ['no progress', { model: network() }, /progress expected .* got undefined/],
  ])('names what the set-up lacks: %s', async (_, job, message) => {
    await expect(train(serving((() => job) as never), null).stateDict).rejects.toThrow(message);
  });

  it('names progress that cannot be sent', async () => {
    const port = serving(() => ({ model: network(), progress: [() => {}] }));
    await expect(train(port, null).stateDict).rejects.toThrow(/could not be cloned/);
  });

  it('says when the port closes', async () => {
    const run = train(serving(counting(1_000_000, 5)), null);
    setTimeout(() => channels.at(-1)!.port2.close(), 20);
    await expect(run.stateDict).rejects.toThrow(/ended before its run did: its port was closed/);
  });
});

describe('what is sent', () => {
  /** Gives back what arrived as its progress. */
  const echo: Setup<unknown, unknown> = (data) => ({ model: network(), progress: [data] });

  async function arrived(data: unknown, transfer?: object[]): Promise<unknown> {
    for await (const step of train(serving(echo), data, { transfer })) return step;
    return undefined;
  }

  it('has Tensors, also within, as data with a shape', async () => {
    const state = network().stateDict();
    const plain = Object.fromEntries(
      Object.entries(state).map(([name, t]) => [name, { shape: t.shape, data: t.toArray() }]),
    );
    expect(await arrived({ deep: [{ state }], one: Tensor.from([1, 2]) })).toEqual({
      deep: [{ state: plain }],
      one: { shape: [2], data: Float32Array.of(1, 2) },
    });
  });

  it('has of a subarray no more than is in it', async () => {
    const part = new Float32Array(1000).subarray(10, 12);
    const there = (await arrived({ part })) as { part: Float32Array };
    expect(there.part).toEqual(new Float32Array(2));
    expect(there.part.buffer.byteLength).toBe(8);
  });

  it('is handed over where it says so', async () => {
    const data = Float32Array.of(1, 2, 3);
    expect(await arrived({ data }, [data.buffer])).toEqual({ data: Float32Array.of(1, 2, 3) });
    expect(data.length).toBe(0);
  });

  it('is refused where it is a model, or cannot be cloned, and the Worker is free again', async () => {
    const port = serving(counting(1));
    expect(() => train(port, { model: network() })).toThrow(/got a Sequential: send its stateDict/);
    expect(() => train(port, { f: () => {} })).toThrow(/could not be cloned/);
    expect((await train(port, null).stateDict).step!.item()).toBe(1);
  });

  it('needs a Worker to go to, and serve a page', () => {
    expect(() => train({} as never, null)).toThrow(/expected a Worker or a MessagePort, got a Obj/);
    expect(() => serve(counting(1))).toThrow(/expected a Worker, got a page.*parentPort/);
    expect(() => serve(7 as never)).toThrow(/expected a function, got the number 7/);
    vi.stubGlobal('document', {});
    vi.stubGlobal('postMessage', () => {});
    vi.stubGlobal('addEventListener', () => {});
    expect(() => serve(counting(1))).toThrow(/expected a Worker, got a page/);
    vi.unstubAllGlobals();
  });
});

describe('a Worker of the web', () => {
  /** As a page sees it: events, no `on`. */
  class WebWorker extends EventTarget {
    postMessage = vi.fn();
  }
  const failed = (details: object) =>
    Object.assign(new Event('error', { cancelable: true }), details);

  it('that fails ends the run with message and place, and the event is dealt with', async () => {
    const worker = new WebWorker();
    const run = train(worker, null);
    const event = failed({ message: 'Uncaught boom', filename: 'worker.js', lineno: 7 });
    worker.dispatchEvent(event);
    await expect(run.stateDict).rejects.toThrow(/it failed: Uncaught boom \(worker\.js:7\)/);
    expect(event.defaultPrevented).toBe(true);
  });

  it('whose script does not load ends the run with what to check', async () => {
    const worker = new WebWorker();
    const run = train(worker, null);
    worker.dispatchEvent(failed({}));
    await expect(run.stateDict).rejects.toThrow(/its script did not load: check its URL/);
  });
});

describe('in worker_threads', () => {
  const folder = mkdtempSync(join(tmpdir(), 'worker-'));
  const source = (path: string) => fileURLToPath(new URL(`../../src/${path}`, import.meta.url));
  let script: string;
  const workers: Worker[] = [];
  afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.terminate())));
  afterAll(() => rmSync(folder, { recursive: true }));

  beforeAll(async () => {
    script = join(folder, 'worker.mjs');
    await build({
      stdin: {
        resolveDir: folder,
        contents: `
          import { parentPort } from 'node:worker_threads';
          import { BatchNorm1d, CrossEntropyLoss, fit, Linear, manualSeed, ReLU, Sequential, SGD } from 'evenkeel';
          import { serve } from 'evenkeel/worker';
          serve(({ inputs, targets, epochs, then }, signal) => {
            manualSeed(11);
            const model = new Sequential(new Linear(4, 8), new BatchNorm1d(8), new ReLU(), new Linear(8, 3));
            const optimizer = new SGD(model.parameters(), { lr: 0.1 });
            const progress = fit(model, { inputs, targets }, { loss: new CrossEntropyLoss(), optimizer, epochs, batchSize: 20, seed: 2, signal });
            if (then === 'exit') setTimeout(() => process.exit(3), 20);
            if (then === 'crash') setTimeout(() => { throw new Error('struck'); }, 20);
            return { model, progress };
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

  function worker(file = script): Worker {
    const made = new Worker(file);
    workers.push(made);
    return made;
  }

  it('the bytes are those of this thread', async () => {
    const run = train(worker(), { inputs, targets, epochs: 3 });
    let steps = 0;
    for await (const { loss } of run) {
      expect(loss).toBeGreaterThan(0);
      steps++;
    }
    expect(steps).toBe(9);
    expect(arrays(await run.stateDict)).toEqual(arrays((await directly(3)).stateDict()));
  });

  it('an abort is heard while it trains, and the Worker goes on to the next run', async () => {
    const thread = worker();
    const signal = AbortSignal.timeout(150);
    const run = train(thread, { inputs, targets, epochs: 1e9 }, { signal });
    await expect(run.stateDict).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(arrays(await train(thread, { inputs, targets, epochs: 1 }).stateDict)).toEqual(
      arrays((await directly(1)).stateDict()),
    );
  });

  it('its death ends the run, with the reason', async () => {
    const die = (then: string) => train(worker(), { inputs, targets, epochs: 1e9, then }).stateDict;
    await expect(die('exit')).rejects.toThrow(/ended before its run did: it exited with code 3/);
    await expect(die('crash')).rejects.toThrow(/it failed: struck/);
    const thread = worker();
    const run = train(thread, { inputs, targets, epochs: 1e9 });
    await run.snapshot();
    await thread.terminate();
    await expect(run.stateDict).rejects.toThrow(/it exited with code 1/);
  });

  it('a script that does not parse or load is named', async () => {
    const broken = join(folder, 'broken.mjs');
    writeFileSync(broken, 'import "./absent.mjs";');
    await expect(train(worker(broken), null).stateDict).rejects.toThrow(/it failed: .*absent/);
  });
});
