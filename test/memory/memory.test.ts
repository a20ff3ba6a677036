/** Memory that stays where it was: forwards, models, steps, and growth in the middle of one. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  Adam,
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  CrossEntropyLoss,
  Dropout,
  Flatten,
  KLDivLoss,
  Linear,
  MaxPool2d,
  type Module,
  MSELoss,
  manualSeed,
  memoryUsage,
  Parameter,
  ReLU,
  Residual,
  Sequential,
  SGD,
  Tensor,
} from '../../src/index.ts';
import { Allocator } from '../../src/memory/allocator.ts';
import { TestRandom } from '../support/random.ts';

const random = new TestRandom(11);
const images = random.normals(16 * 64);
const labels = Int32Array.from({ length: 16 }, () => random.integer(4));
const fillers: Parameter[] = [];

/** The allocator's own account of what is free. */
const allocator = (() => {
  const spy = vi.spyOn(Allocator.prototype, 'allocate');
  new Parameter(Tensor.zeros([1])).dispose();
  const [found] = spy.mock.contexts;
  spy.mockRestore();
  return found as unknown as { free: { start: number; size: number }[]; end: number };
})();

/** What the smallest parameter takes: 64 bytes, and more with red zones. */
const PIECE = (() => {
  const { used } = memoryUsage();
  const piece = new Parameter(Tensor.zeros([16]));
  const bytes = memoryUsage().used - used;
  piece.dispose();
  return bytes;
})();

/** Takes all linear memory that is free, in the allocator's smallest pieces: what comes next grows it. */
function fill(): void {
  const { total } = memoryUsage();
  const { free, end } = allocator;
  const last = free.at(-1);
  const atEnd = last && last.start + last.size === end ? last.size : 0;
  let pieces = Math.floor((total - end + atEnd) / PIECE) - Math.floor(atEnd / PIECE);
  for (const { size } of free) pieces += Math.floor(size / PIECE);
  for (; pieces > 0; pieces--) fillers.push(new Parameter(Tensor.zeros([16])));
  expect(memoryUsage().total).toBe(total);
}

afterEach(() => {
  for (const filler of fillers.splice(0)) filler.dispose();
});

function network(): Sequential {
  return new Sequential(
    new Conv2d(1, 4, 3, { bias: false }),
    new BatchNorm2d(4),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Dropout(0.2),
    new Linear(36, 12, { bias: false }),
    new BatchNorm1d(12),
    new ReLU(),
    new Residual(new Linear(12, 12)),
    new Linear(12, 4),
  );
}

function stepper(model: Module): (size?: number) => number {
  const loss = new CrossEntropyLoss();
  const optimizer = new Adam(model.parameters());
  const inputs = new Map(
    [16, 5].map((n) => [n, { data: images.subarray(0, n * 64), shape: [n, 1, 8, 8] }]),
  );
  const targets = new Map([16, 5].map((n) => [n, labels.subarray(0, n)]));
  return (n = 16) => {
    const value = loss.forward(model.forward(inputs.get(n)!), targets.get(n)!);
    optimizer.zeroGrad();
    model.backward(loss.backward());
    optimizer.step();
    return value;
  };
}

describe('linear memory', () => {
  it('is where it was after 10,000 tensors and forwards without a turn of the event loop', () => {
    using model = new Sequential(new Linear(8, 6), new BatchNorm1d(6), new ReLU());
    const values = [...images.subarray(0, 32)];
    model.forward(Tensor.from(values, [4, 8]));
    model.predict(Tensor.from(values, [4, 8]));
    const before = memoryUsage();
    for (let i = 0; i < 10_000; i++) {
      model.forward(Tensor.from(values, [4, 8]));
      if (i % 10 === 0) model.predict(Tensor.from(values, [4, 8]));
    }
    expect(memoryUsage()).toEqual(before);
  });

  it('is where it was after 1,000 models, trained and disposed', () => {
    const one = (): void => {
      using model = network();
      using loss = new CrossEntropyLoss();
      using optimizer = new SGD(model.parameters(), { momentum: 0.9 });
      const x = { data: images.subarray(0, 256), shape: [4, 1, 8, 8] };
      loss.forward(model.forward(x), labels.subarray(0, 4));
      model.backward(loss.backward()).toArray();
      optimizer.step();
    };
    one();
    const before = memoryUsage();
    for (let i = 0; i < 1000; i++) one();
    expect(memoryUsage()).toEqual(before);
  });

  it('is where it was after 1,000 steps, smaller last batches and predictions between them', () => {
    using model = network();
    const step = stepper(model);
    const x = { data: images.subarray(0, 64), shape: [1, 1, 8, 8] };
    step();
    step(5); // a batch size's plan has its structs of sizes in linear memory
    model.predict(x);
    const before = memoryUsage();
    for (let i = 0; i < 1000; i++) {
      step(i % 7 === 6 ? 5 : 16);
      if (i % 50 === 0) model.predict(x);
    }
    expect(memoryUsage()).toEqual(before);
  });
});

describe('a steady step', () => {
  it('makes no typed array', () => {
    using model = network();
    const step = stepper(model);
    for (let i = 0; i < 3; i++) step();
    let made = 0;
    const world = globalThis as unknown as Record<string, new (...args: never[]) => object>;
    const names = ['Float32Array', 'Float64Array', 'Int32Array', 'Uint32Array', 'Uint8Array'];
    const originals = names.map((name) => world[name]!);
    // Views and copies made from an array do not go through the global constructor.
    const methods = Object.getPrototypeOf(Float32Array.prototype) as Record<string, unknown>;
    const deriving = ['subarray', 'slice', 'map', 'filter'].map(
      (name) => [name, methods[name] as (...args: unknown[]) => unknown] as const,
    );
    for (const [i, name] of names.entries()) {
      world[name] = new Proxy(originals[i]!, {
        construct(of, args) {
          made++;
          return Reflect.construct(of, args) as object;
        },
      });
    }
    for (const [name, method] of deriving) {
      methods[name] = function (this: unknown, ...args: unknown[]) {
        made++;
        return method.apply(this, args);
      };
    }
    try {
      new Float32Array(1).subarray(0);
      expect(made).toBe(2); // the count itself works
      for (let i = 0; i < 10; i++) step();
    } finally {
      for (const [i, name] of names.entries()) world[name] = originals[i]!;
      for (const [name, method] of deriving) methods[name] = method;
    }
    expect(made).toBe(2);
  });
});

describe('growth in the middle of a step', () => {
  it('changes no number, wherever it happens', () => {
    const run = (grow: boolean): number[] => {
      manualSeed(3);
      using model = network();
      using loss = new CrossEntropyLoss();
      using optimizer = new Adam(model.parameters());
      const x = { data: images, shape: [16, 1, 8, 8] };
      const numbers: number[] = [];
      for (let i = 0; i < 3; i++) {
        if (grow) fill();
        const y = model.forward(x);
        if (grow) fill();
        numbers.push(loss.forward(y, labels), ...y.toArray());
        optimizer.zeroGrad();
        const dy = loss.backward();
        if (grow) fill();
        const dx = model.backward(dy);
        if (grow) fill();
        numbers.push(...dx.toArray());
        optimizer.step();
        for (const parameter of model.parameters()) numbers.push(...parameter.data.toArray());
      }
      return numbers;
    };
    expect(run(true)).toEqual(run(false));
  });

  it.each([
    ['MSELoss', new MSELoss()],
    ['KLDivLoss', new KLDivLoss()],
    ['CrossEntropyLoss', new CrossEntropyLoss()],
  ] as const)(
    '%s takes a target that stands in linear memory while its own memory is made',
    (_, loss) => {
      const probabilities = [0.2, 0.3, 0.5, 0.1, 0.8, 0.1];
      const shape = [2, 3];
      const prediction = Tensor.from(images.subarray(0, 6), shape);
      const target = new Parameter(Tensor.from(probabilities, shape));
      fill();
      const before = memoryUsage().total;
      const value = loss.forward(prediction, target.data);
      expect(memoryUsage().total).toBeGreaterThan(before);
      expect(value).toBe(loss.forward(prediction, Tensor.from(probabilities, shape)));
      target.dispose();
      loss.dispose();
    },
  );
});
