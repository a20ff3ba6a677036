/**
 * Inputs that change while they are read: each is read once, into values of our own, before anything is
 * decided by it. So no out-of-range label reaches a kernel, and the size that a check has seen is used.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { batches, StandardScaler } from '../../src/data/index.ts';
import {
  Adam,
  accuracy,
  argmax,
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  evaluate,
  fit,
  type Input,
  Layer,
  Linear,
  Module,
  MSELoss,
  Parameter,
  Sequential,
  Tensor,
} from '../../src/index.ts';
import { kernels as allKernels, Block, memory } from '../../src/kernels/index.ts';
import { engine, kernels } from '../../src/runtime/engine.ts';
import { saveSafetensors } from '../../src/state/index.ts';

/** An array-like that gives the i-th of `versions` at the i-th read of an element, and the last ever after. */
function fickle(...versions: number[][]): ArrayLike<number> {
  const reads = new Map<string, number>();
  return new Proxy(versions[0]!, {
    get(target, key) {
      if (typeof key !== 'string' || !/^\d+$/.test(key)) return Reflect.get(target, key);
      const read = reads.get(key) ?? 0;
      reads.set(key, read + 1);
      return versions[Math.min(read, versions.length - 1)]![Number(key)];
    },
  });
}

/** A shape that is another at each pass through it. */
function fickleShape(...versions: number[][]): number[] {
  let passes = -1;
  return new Proxy(versions[0]!, {
    get(target, key) {
      if (key === Symbol.iterator) passes++;
      const now = versions[Math.min(Math.max(passes, 0), versions.length - 1)]!;
      if (key === 'length' || typeof key === 'symbol') return Reflect.get(now, key);
      return Reflect.get(key in now ? now : target, key);
    },
  });
}

/** A typed array with a property of its own under the name of `length`. */
function lying(data: number[], length: number): Float32Array {
  return Object.defineProperty(Float32Array.from(data), 'length', { value: length });
}

/** A view that follows the length of its buffer, which can be changed. */
function resizable(maxByteLength: number) {
  // Node has it; the declarations that tests are checked with do not.
  const buffer: ArrayBuffer & { resize(bytes: number): void } = Reflect.construct(ArrayBuffer, [
    maxByteLength,
    { maxByteLength },
  ]);
  return { data: new Float32Array(buffer), resize: (bytes: number) => buffer.resize(bytes) };
}

const logits = () => Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]);
const model = () => new Sequential(new Linear(3, 2));
const SIX = [1, 2, 3, 4, 5, 6];

/** The labels that kernels were given. */
function watchLabels() {
  const seen: number[] = [];
  const { exports } = engine();
  const forward = exports.crossEntropyForward;
  const spy = vi.spyOn(kernels(), 'crossEntropyForward');
  spy.mockImplementation((saved, x, labels, ...rest) => {
    const [, , from, to] = rest;
    seen.push(...new Int32Array(memory().buffer, labels, to - from));
    return forward(saved, x, labels, ...rest);
  });
  return seen;
}

afterEach(() => vi.restoreAllMocks());

describe('an array-like that gives other values at each read', () => {
  it('is read once as labels', () => {
    const loss = new CrossEntropyLoss();
    const seen = watchLabels();
    const plain = loss.forward(logits(), [0, 2]);
    expect(loss.forward(logits(), fickle([0, 2], [0, -7], [1e6, -7]))).toBe(plain);
    const shaped = { data: fickle([0, 2], [99, 99]), shape: [2] };
    expect(loss.forward(logits(), shaped as Input)).toBe(plain);
    expect(() => loss.forward(logits(), fickle([0, 3], [0, 2]))).toThrow('got 3');
    expect(seen).toEqual([0, 2, 0, 2, 0, 2]);
  });

  it('is read once as an input, a gradient, a parameter and a state', () => {
    const net = model();
    const want = net.predict(Tensor.from(SIX, [2, 3])).toArray();
    const input = () => ({ data: fickle(SIX, [9, 9, 9, 9, 9, 9]), shape: [2, 3] });
    expect(net.predict(input()).toArray()).toEqual(want);
    expect(net.forward(input()).toArray()).toEqual(want);
    net.backward({ data: fickle([1, 1, 1, 1], [7, 7, 7, 7]), shape: [2, 2] });
    expect(net.parameters()[1]!.grad!.toArray()).toEqual(Float32Array.of(2, 2));
    const [weight] = net.parameters();
    weight!.assign(input());
    expect([...weight!.data.toArray()]).toEqual(SIX);
    expect([...new Parameter(input()).data.toArray()]).toEqual(SIX);
    net.loadStateDict({
      '0.weight': input(),
      '0.bias': { data: fickle([1, 2], ['x' as never, 3]), shape: [2] },
    });
    expect([...net.parameters()[1]!.data.toArray()]).toEqual([1, 2]);
  });

  it('is read once as weights, values and predictions of losses, and by metrics', () => {
    const want = new CrossEntropyLoss({ weight: [1, 2, 3] }).forward(logits(), [0, 2]);
    const weight = fickle([1, 2, 3], [NaN, NaN, NaN]);
    expect(new CrossEntropyLoss({ weight }).forward(logits(), [0, 2])).toBe(want);
    const ones = { data: fickle([1, 1, 1], [5, 5, 5]), shape: [3] };
    const bce = new BCEWithLogitsLoss({ weight: ones as Input });
    const mse = new MSELoss();
    const target = Tensor.from([0, 0, 0, 1, 1, 1], [2, 3]);
    const prediction = () => ({ data: fickle(SIX, [0, 0, 0, 0, 0, 0]), shape: [2, 3] });
    expect(bce.forward(prediction(), target)).toBe(
      new BCEWithLogitsLoss().forward(logits(), target),
    );
    expect(mse.forward(prediction(), target)).toBe(mse.forward(logits(), target));
    expect([...argmax(prediction())]).toEqual([2, 2]);
    expect(accuracy(prediction(), fickle([2, 0], [0, 0]))).toBe(0.5);
  });

  it('is read once by data sets, scalers and files', () => {
    const inputs = { data: fickle(SIX, [9, 9, 9, 9, 9, 9]), shape: [2, 3] };
    const data = batches({ inputs, targets: fickle([0, 1], [7, 7]) as number[] });
    for (let epoch = 0; epoch < 2; epoch++) {
      for (const batch of data) {
        expect([...batch.inputs.data]).toEqual(SIX);
        expect([...batch.targets]).toEqual([0, 1]);
      }
    }
    const input = () => ({ data: fickle(SIX, [NaN, NaN, NaN, NaN, NaN, NaN]), shape: [2, 3] });
    const scaler = new StandardScaler().fit(Tensor.from(SIX, [2, 3]));
    expect(new StandardScaler().fit(input()).stateDict()).toEqual(scaler.stateDict());
    expect(scaler.transform(input())).toEqual(scaler.transform(Tensor.from(SIX, [2, 3])));
    const file = saveSafetensors({ x: Tensor.from(SIX, [2, 3]) });
    expect(saveSafetensors({ x: input() })).toEqual(file);
  });
});

describe('a shape that is another at each reading', () => {
  it('is read once', () => {
    const shape = () => fickleShape([2, 3], [1000, 1000]);
    expect(Tensor.from(SIX, shape()).shape).toEqual([2, 3]);
    expect(Tensor.zeros(shape())).toMatchObject({ shape: [2, 3], size: 6 });
    expect(new Parameter({ data: SIX, shape: shape() }).shape).toEqual([2, 3]);
    const net = model();
    expect(net.forward({ data: SIX, shape: shape() }).shape).toEqual([2, 2]);
    expect(net.backward({ data: [1, 1, 1, 1], shape: fickleShape([2, 2], [9, 9]) }).shape).toEqual([
      2, 3,
    ]);
    const loss = new CrossEntropyLoss();
    loss.forward({ data: SIX, shape: shape() }, { data: [0, 1], shape: fickleShape([2], [1000]) });
    expect(loss.backward().shape).toEqual([2, 3]);
  });

  it('is read once from a Layer', () => {
    class Same extends Layer {
      override outputShape() {
        return fickleShape([2, 3], [100, 3]);
      }
      override compute(x: Float32Array, y: Float32Array): void {
        y.set(x);
      }
      override differentiate(dy: Float32Array, dx: Float32Array | null): void {
        dx?.set(dy);
      }
    }
    expect(new Sequential(new Same(), new Linear(3, 2)).predict(logits()).shape).toEqual([2, 2]);
  });

  it('of a Tensor that lies is refused', () => {
    const lies = new Proxy(logits(), {
      get: (target, key) => (key === 'shape' ? [20, 3] : Reflect.get(target, key)),
    });
    expect(() => model().predict(lies)).toThrow('expected 60 elements, got 6');
    expect(() => new MSELoss().forward(lies, logits())).toThrow('expected 60 elements, got 6');
    expect(() => new Parameter(lies)).toThrow('expected 60 elements, got 6');
    expect(() => batches({ inputs: lies, targets: [0] })).toThrow('expected 60 elements, got 6');
  });
});

describe('a typed array', () => {
  it('whose length is not what it says has its true length', () => {
    const net = model();
    const input = { data: lying([1, 2, 3], 6), shape: [2, 3] };
    expect(() => net.forward(input)).toThrow('expected 6 elements, got 3');
    expect(() => new MSELoss().forward(logits(), lying([1, 2, 3], 6))).toThrow('got 3 numbers');
    expect(() => Tensor.from(lying([1, 2, 3], 6), [2, 3])).toThrow('expected 6 elements, got 3');
    const labels = Object.defineProperty(Int32Array.of(0, 9), 'length', { value: 1 });
    expect(() => new CrossEntropyLoss().forward(logits(), labels)).toThrow('got 9');
  });

  it('on a detached buffer is empty, and refused', () => {
    const data = Float32Array.from(SIX);
    const set = batches({ inputs: { data, shape: [2, 3] }, targets: [0, 1] });
    for (const { inputs } of set) expect([...inputs.data]).toEqual(SIX);
    structuredClone(data.buffer, { transfer: [data.buffer] });
    expect(() => model().forward({ data, shape: [2, 3] })).toThrow('expected 6 elements, got 0');
    expect(() => [...set]).toThrow('expected 6 elements, got 0');
    expect(() => new MSELoss().forward(logits(), data)).toThrow('got 0 numbers');
  });

  it('on a buffer that shrinks while another input is read is refused, and nothing is lost', () => {
    const { data, resize } = resizable(24);
    data.set(SIX);
    const shrinking = () => ({
      data: [0, 1],
      get shape() {
        resize(12);
        return [2];
      },
    });
    const loss = new CrossEntropyLoss();
    const value = loss.forward({ data, shape: [2, 3] }, [0, 1]);
    expect(() => loss.forward({ data, shape: [2, 3] }, shrinking())).toThrow('got 3');
    expect(loss.backward().size).toBe(6);
    resize(24);
    data.set(SIX);
    expect(loss.forward({ data, shape: [2, 3] }, [0, 1])).toBe(value);
    const net = model();
    const state = { '0.weight': { data, shape: [2, 3] }, '0.bias': shrinking() };
    net.loadStateDict(state); // the weight was read before the buffer shrank
    expect([...net.parameters()[0]!.data.toArray()]).toEqual(SIX);
  });

  it('on a buffer that shrinks while the model is traced is refused', () => {
    const { data, resize } = resizable(24);
    class Shrinking extends Module {
      linear = new Linear(3, 2);
      override forward(x: Input) {
        resize(4);
        return this.linear.forward(x);
      }
    }
    expect(() => new Shrinking().forward({ data, shape: [2, 3] })).toThrow('got 1');
  });
});

describe("data on evenkeel's own memory", () => {
  it('may be an input although memory grows in the step', () => {
    const want = new Sequential(new Linear(3, 3, { bias: false }));
    const block = new Block(64);
    block.f32.set(SIX);
    const data = block.f32.subarray(0, 6);
    const grow = () => memory().grow(1);
    class Growing extends Module {
      linear = want;
      override forward(x: Input) {
        grow();
        return this.linear.forward(x);
      }
    }
    const plain = want.predict(Tensor.from(SIX, [2, 3])).toArray();
    expect(new Growing().predict({ data, shape: [2, 3] }).toArray()).toEqual(plain);
    const inputs = { data: block.f32.subarray(0, 6), shape: [2, 3] };
    const set = batches({ inputs, targets: [0, 1] });
    const placed = batches({
      inputs: new Parameter(Tensor.from(SIX, [2, 3])).data,
      targets: [0, 1],
    });
    grow();
    for (const { inputs } of [...set, ...placed]) expect([...inputs.data]).toEqual(SIX);
    block.release();
  });

  it("may be a result or a gradient of the model's own", () => {
    const net = new Sequential(new Linear(3, 3));
    const x = logits();
    const y = net.forward(x).toArray();
    const twice = net.predict(Tensor.from(y, [2, 3])).toArray();
    expect(net.forward(net.forward(x)).toArray()).toEqual(twice);
    const result = net.forward(x);
    const view = { data: result.view(), shape: [2, 3] };
    expect(net.forward(view).toArray()).toEqual(twice);
    net.forward(x);
    const dx = net.backward(x);
    const values = Float32Array.from([...referenceGradient(net, x)]);
    expect(net.forward(dx).toArray()).toEqual(net.predict(Tensor.from(values, [2, 3])).toArray());
  });

  it("may be a gradient of the loss's own", () => {
    const loss = new MSELoss();
    const zeros = Tensor.zeros([2, 3]);
    loss.forward(logits(), zeros);
    const gradient = loss.backward().toArray();
    const want = loss.forward(Tensor.from(gradient, [2, 3]), logits());
    loss.forward(logits(), zeros);
    expect(loss.forward(loss.backward(), logits())).toBe(want);
    loss.forward(logits(), zeros);
    expect(loss.forward(logits(), loss.backward())).toBe(want);
  });
});

function referenceGradient(net: Sequential, dy: Tensor): Float32Array {
  const w = net.parameters()[0]!.data.toArray();
  const d = dy.toArray();
  return Float32Array.from({ length: 6 }, (_, at) => {
    const [n, i] = [Math.floor(at / 3), at % 3];
    let sum = 0;
    for (let o = 0; o < 3; o++) sum = Math.fround(sum + Math.fround(d[n * 3 + o]! * w[o * 3 + i]!));
    return sum;
  });
}

describe('code that runs while an input is read', () => {
  it('may run the model, and gets its own results', () => {
    const net = model();
    const x = logits();
    const want = net.predict(x).toArray();
    const input = {
      data: Float32Array.from(SIX),
      get shape() {
        net.forward(Tensor.zeros([5, 3]));
        return [2, 3];
      },
    };
    expect(net.forward(input).toArray()).toEqual(want);
    expect(net.backward(Tensor.zeros([2, 2])).shape).toEqual([2, 3]);
  });
});

describe('memory shared with another thread', () => {
  it('brings no out-of-range label to a kernel, however it is raced', async () => {
    const n = 4096;
    const labels = new Int32Array(new SharedArrayBuffer(4 * n));
    const mask = new Float32Array(new SharedArrayBuffer(4 * n * 2));
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(
      `const { labels, stop } = require('node:worker_threads').workerData;
       for (let i = 0; !Atomics.load(stop, 0); i = (i + 7) % labels.length) {
         labels[i] = 1000000; labels[i] = 0;
       }`,
      { eval: true, workerData: { labels, stop } },
    );
    await once(worker, 'online');
    const seen = watchLabels();
    const loss = new CrossEntropyLoss();
    const x = Tensor.zeros([n, 2]);
    let refused = 0;
    let taken = 0;
    const start = performance.now();
    const spent = () => performance.now() - start;
    // On a busy machine the other thread may wait long for its turn.
    while (spent() < 400 || (refused === 0 && spent() < 8000)) {
      try {
        const value = loss.forward(x, labels);
        expect(value).toBeCloseTo(Math.log(2), 5);
        taken++;
      } catch (error) {
        expect((error as Error).message).toMatch(/expected a class from 0 to 1.*got 1000000/);
        refused++;
      }
      expect(seen.every((label) => label === 0 || label === 1)).toBe(true);
      seen.length = 0;
    }
    Atomics.store(stop, 0, 1);
    await worker.terminate();
    expect(refused + taken).toBeGreaterThan(10);
    expect(refused).toBeGreaterThan(0);
    expect(loss.forward(x, labels.fill(0))).toBeCloseTo(Math.log(2), 5);
    expect(new Linear(2, 1).predict({ data: mask, shape: [n, 2] }).shape).toEqual([n, 1]);
  });

  it('may hold a data set', async () => {
    const data = new Float32Array(new SharedArrayBuffer(24));
    data.set(SIX);
    const targets = new Uint8Array(new SharedArrayBuffer(2));
    const net = new Sequential(new Linear(3, 2));
    const loss = new CrossEntropyLoss();
    const optimizer = new Adam(net.parameters());
    const set = { inputs: { data, shape: [2, 3] }, targets };
    for await (const progress of fit(net, set, { loss, optimizer })) {
      expect(progress.loss).toBeGreaterThan(0);
    }
    expect(evaluate(net, set, loss).accuracy).toBeGreaterThanOrEqual(0);
  });
});

it('kernels of evenkeel/kernels take addresses, no views', () => {
  expect(Object.values(allKernels()).every((kernel) => typeof kernel === 'function')).toBe(true);
});
