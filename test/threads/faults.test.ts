/** What happens to a pool when something goes wrong. Each test has evenkeel afresh. */
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { THREAD } from '../../src/generated/thread.ts';
import { hashed } from '../support/hashed.ts';

let E: typeof import('../../src/index.ts');
let useThreads: typeof import('../../src/threads/index.ts').useThreads;
let limits: typeof import('../../src/threads/pool.ts').LIMITS;
const workers: Worker[] = [];

beforeEach(async () => {
  vi.resetModules();
  E = await import('../../src/index.ts');
  ({ useThreads } = await import('../../src/threads/index.ts'));
  ({ LIMITS: limits } = await import('../../src/threads/pool.ts'));
  Object.assign(limits, { call: 0, share: 0, small: 0 });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
});

const PORT = 'const port = require("node:worker_threads").parentPort;';

/** Makes threads whose Workers the test has in its hands. */
const own = (text = THREAD) => ({
  worker: () => {
    const worker = new Worker(PORT + text, { eval: true });
    workers.push(worker);
    return worker;
  },
});

/** A thread that claims all open shares of the first call, and then does `deed`. */
const faulty = (deed: string) => `
  port.onmessage = ({ data: { control } }) => {
    const words = new Int32Array(control);
    port.postMessage('ready');
    for (;;) {
      const open = Atomics.load(words, 0);
      if (open !== 0 && Atomics.compareExchange(words, 0, open, 0) === open) { ${deed} }
    }
  };`;

const inputs = { data: Float32Array.from(hashed(1, 300 * 40)), shape: [300, 40] };

/** A model that is trained step by step. */
function training(...more: unknown[]) {
  E.manualSeed(5);
  const { Adam, BatchNorm1d, Linear, ReLU, Sequential, MSELoss } = E;
  const model = new Sequential(
    ...[new Linear(40, 64), new BatchNorm1d(64), new ReLU(), ...(more as []), new Linear(64, 8)],
  );
  const loss = new MSELoss();
  const optimizer = new Adam(model.parameters());
  const target = E.Tensor.zeros([300, 8]);
  const step = () => {
    const value = loss.forward(model.forward(inputs), target);
    optimizer.zeroGrad();
    model.backward(loss.backward());
    optimizer.step();
    return value;
  };
  return { model, step, steps: (n: number) => Array.from({ length: n }, step) };
}

describe('a thread that ends', () => {
  it('while it waits leaves its work to the others, and is reported', async () => {
    const alone = training().steps(6);
    const threads = await useThreads(3, own());
    const { steps } = training();
    const first = steps(2);
    const ended = workers[0]!.terminate();
    const second = steps(2); // nobody knows yet
    await ended;
    await vi.waitFor(() => expect(threads.count).toBe(2));
    expect(threads.reason).toMatch(/^a thread ended: it exited/);
    expect([...first, ...second, ...steps(2)]).toEqual(alone);
  });

  it('in the middle of its share ends the step with an error, and the pool', async () => {
    limits.lost = 200;
    const alone = training().steps(3);
    const { model } = training();
    const threads = await useThreads(2, own(faulty('Atomics.wait(words, 200, 0);')));
    // The thread takes the call's other share as soon as it is open, or the caller does it all.
    expect(() => {
      for (let i = 0; i < 10_000; i++) model.predict(inputs);
    }).toThrow(
      /^useThreads: a thread was ended in the middle of a kernel: .* call useThreads again$/,
    );
    expect(threads.count).toBe(1);
    expect(training().steps(3)).toEqual(alone);
    expect((await useThreads(2)).count).toBe(2);
    expect(training().steps(3)).toEqual(alone);
  });

  it('with an error in its share reports that', async () => {
    const { model } = training();
    const threads = await useThreads(
      2,
      own(
        faulty(
          'Atomics.store(words, 129, 1); for (let b = open; b; b &= b - 1) Atomics.sub(words, 32, 1);',
        ),
      ),
    );
    expect(() => {
      for (let i = 0; i < 10_000; i++) model.predict(inputs);
    }).toThrow('useThreads: a thread could not run its share of a kernel');
    threads.close();
    model.predict(inputs);
  });
});

describe('threads that do not start', () => {
  const failures: [name: string, make: () => Worker, reason: string][] = [
    [
      'since there is no Worker',
      () => {
        throw new Error('blocked by a policy');
      },
      'blocked by a policy',
    ],
    ['since the script fails', () => new Worker('throw new Error("no")', { eval: true }), 'no'],
    ['since it ends', () => new Worker('', { eval: true }), 'it exited'],
  ];
  for (const [name, worker, reason] of failures) {
    it(`${name} change nothing`, async () => {
      const { engine } = await import('../../src/runtime/engine.ts');
      const { steps } = training();
      const before = engine();
      const threads = await useThreads(3, { worker });
      expect(threads.count).toBe(1);
      expect(threads.reason).toMatch(/^threads did not start: /);
      expect(threads.reason).toContain(reason);
      expect(engine()).toBe(before);
      steps(1);
      threads.close();
    });
  }

  it('since there is no SharedArrayBuffer, or the page is not isolated, say so', async () => {
    vi.stubGlobal('SharedArrayBuffer', undefined);
    expect(await useThreads(2)).toMatchObject({
      count: 1,
      reason: 'this runtime has no SharedArrayBuffer',
    });
    vi.stubGlobal('crossOriginIsolated', false);
    expect((await useThreads(2)).reason).toContain('Cross-Origin-Opener-Policy: same-origin');
    training().steps(1);
  });
});

describe('memory', () => {
  /** Refuses shared memories of more than `pages`. */
  const refuse = (pages: number) => {
    const { Memory } = WebAssembly;
    // biome-ignore lint/complexity/useArrowFunction: called by new
    vi.spyOn(WebAssembly, 'Memory').mockImplementation(function (descriptor) {
      if (descriptor.shared && descriptor.maximum! > pages) throw new RangeError('out of memory');
      return new Memory(descriptor);
    });
  };

  it('has half the maximum where the runtime refuses it, and half of that', async () => {
    refuse(5000);
    const threads = await useThreads(2);
    expect(threads).toMatchObject({ count: 2, maximum: 4096 * 65_536 });
    training().steps(1);
    threads.close();
  });

  it('that the runtime never shares leaves one thread', async () => {
    refuse(0);
    const threads = await useThreads(2);
    expect(threads).toMatchObject({ count: 1, reason: 'no shared memory could be had' });
    training().steps(1);
  });

  it('that is full says so, and what was made before works on', async () => {
    const threads = await useThreads(2, { maximum: 64 * 65_536 });
    const { steps } = training();
    steps(1);
    expect(() => new E.Linear(2000, 2000)).toThrow(
      /^evenkeel: linear memory cannot grow .*the maximum of useThreads/,
    );
    expect(steps(2).every(Number.isFinite)).toBe(true);
    threads.close();
  });

  it('keeps its bits when it is shared between forward and backward, and when it grows', async () => {
    const run = async (n: number) => {
      const { model, steps } = training();
      const first = steps(2);
      const y = model.forward(inputs);
      const threads = n > 1 ? await useThreads(n) : undefined;
      const dx = model.backward({ data: new Float32Array(y.size).fill(0.5), shape: [300, 8] });
      const gradient = dx.toArray();
      const large = new E.Linear(1500, 1500); // grows, while the threads wait
      const values = [gradient, model.forward(inputs).toArray(), first, steps(3)];
      large.forward({ data: new Float32Array(3000).fill(1), shape: [2, 1500] });
      large.dispose();
      model.dispose();
      threads?.close();
      return values;
    };
    const alone = await run(1);
    expect(await run(3)).toEqual(alone);
    expect(await run(2)).toEqual(alone); // shared already
  });

  it('stays as large from step to step', async () => {
    const threads = await useThreads(3);
    const { steps } = training();
    steps(2);
    const before = E.memoryUsage();
    steps(20);
    expect(E.memoryUsage()).toEqual(before);
    threads.close();
  });

  it('gives arrays of their own to users', async () => {
    const threads = await useThreads(2);
    const { model } = training();
    for (const array of [
      model.forward(inputs).toArray(),
      model.predict(inputs).toArray(),
      model.parameters()[0]!.data.toArray(),
      Object.values(model.stateDict())[0]!.toArray(),
    ]) {
      expect(array.buffer).toBeInstanceOf(ArrayBuffer);
    }
    threads.close();
  });
});

describe('a layer of the user', () => {
  it('that throws in the middle of a step leaves a pool that works', async () => {
    const { Layer } = E;
    let fails = false;
    class Fussy extends Layer {
      override outputShape(shape: readonly number[]): number[] {
        return [...shape];
      }
      override compute(x: Float32Array, y: Float32Array): void {
        if (fails) throw new Error('fussy');
        y.set(x);
      }
      override differentiate(dy: Float32Array, dx: Float32Array | null): void {
        dx?.set(dy);
      }
    }
    const alone = training(new Fussy()).steps(4);
    const threads = await useThreads(3);
    const { step } = training(new Fussy());
    const values = [step(), step()];
    fails = true;
    expect(step).toThrow('fussy');
    fails = false;
    expect(values).toEqual(alone.slice(0, 2));
    expect(Number.isFinite(step())).toBe(true);
    threads.close();
  });

  it('may close the threads in the middle of a step', async () => {
    const { Layer } = E;
    let close = () => {};
    class Closing extends Layer {
      override outputShape(shape: readonly number[]): number[] {
        return [...shape];
      }
      override compute(x: Float32Array, y: Float32Array): void {
        close();
        y.set(x);
      }
      override differentiate(dy: Float32Array, dx: Float32Array | null): void {
        dx?.set(dy);
      }
    }
    const alone = training(new Closing()).steps(4);
    const threads = await useThreads(3);
    close = threads.close;
    expect(training(new Closing()).steps(4)).toEqual(alone);
    expect(threads.count).toBe(1);
  });
});

describe('useThreads', () => {
  it('called again replaces the threads of the first call', async () => {
    const [first, second] = await Promise.all([useThreads(3), useThreads(2)]);
    expect([first.count, second.count]).toEqual([1, 2]);
    first.close();
    expect(second.count).toBe(2);
    training().steps(1);
    second.close();
    second.close();
  });

  it('keeps the kernels of useModule', async () => {
    const { readFileSync } = await import('node:fs');
    const { stamped } = await import('../../scripts/generate.ts');
    const { STAMP } = await import('../../src/generated/stamp.ts');
    const alone = training().steps(2);
    vi.resetModules();
    E = await import('../../src/index.ts');
    ({ useThreads } = await import('../../src/threads/index.ts'));
    const bytes = stamped(readFileSync('build/strict.wasm'), STAMP);
    E.useModule(new WebAssembly.Module(new Uint8Array(bytes)));
    training().steps(1);
    const threads = await useThreads(2);
    expect(threads.count).toBe(2);
    expect(training().steps(2)).toEqual(alone);
    const gelu = new E.GELU().forward({ data: [1], shape: [1, 1] });
    expect(gelu.toArray()[0]).toBeCloseTo(0.8413, 3);
    threads.close();
  });

  it('refuses what is no number of threads, and options that it does not know', async () => {
    await expect(useThreads(0)).rejects.toThrow('useThreads: n expected a whole number ≥ 1, got 0');
    await expect(useThreads(32)).rejects.toThrow('from 1 to 31, got 32');
    await expect(useThreads('2' as never)).rejects.toThrow(TypeError);
    await expect(useThreads(2, { maximum: 1 })).rejects.toThrow(RangeError);
    await expect(useThreads(2, { worker: 3 as never })).rejects.toThrow(
      'useThreads: worker expected a URL, or a function that makes a Worker, got the number 3',
    );
    await expect(useThreads(2, { workers: 3 } as never)).rejects.toThrow('unknown option workers');
  });
});
