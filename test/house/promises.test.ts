/** What the README promises of the whole, and no test of a part holds. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as evenkeel from '../../src/index.ts';
import {
  Adam,
  BatchNorm1d,
  CrossEntropyLoss,
  Dropout,
  defaultGenerator,
  ExponentialMovingAverage,
  Linear,
  type Module,
  MSELoss,
  manualSeed,
  memoryUsage,
  Parameter,
  ReLU,
  Sequential,
  SGD,
  summary,
  Tensor,
} from '../../src/index.ts';
import { TestRandom } from '../support/random.ts';

const random = new TestRandom(30);
const x = Tensor.from(random.normals(48), [8, 6]);
const labels = Int32Array.from({ length: 8 }, () => random.integer(3));

/** Classes that the README tells of in other words, bases of those it lists, and what functions return. */
const ELSEWHERE = ['FoldedNetwork', 'Optimizer', 'Parameter', 'Schedule', 'Tensor'];

function network(): Sequential {
  return new Sequential(
    new Linear(6, 5, { bias: false }),
    new BatchNorm1d(5),
    new ReLU(),
    new Dropout(0.5),
    new Linear(5, 3),
  );
}

/** Everything about a model that a step could change. */
function stateOf(model: Module): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(model.stateDict()).map(([name, tensor]) => [name, [...tensor.toArray()]]),
  );
}

function gradientsOf(model: Module): number[][] {
  return model.parameters().map(({ grad }) => [...(grad?.toArray() ?? [])]);
}

/** The names in the README's table of contents, `MaxPool1d/2d` as two; those of `evenkeel/…` are left out. */
function namesInReadme(): string[] {
  const text = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, table] = /## What is in it\n([\s\S]*?)\n## /.exec(text)!;
  const rows = table!.split('\n').filter((row) => /^\| [A-Z]/.test(row));
  return rows.flatMap((row) =>
    [...row.matchAll(/`([A-Za-z]\w*(?:\/\w+)*)`/g)].flatMap(([, written]) => {
      const [first, ...others] = written!.split('/');
      return [first!, ...others.map((other) => first!.replace(/\dd$/, other))];
    }),
  );
}

describe('the public face', () => {
  const names = namesInReadme();

  it('has every name of the README’s table', () => {
    expect(names.length).toBeGreaterThan(70);
    expect(names.filter((name) => !(name in evenkeel))).toEqual([]);
  });

  it('has no class that the README’s table lacks', () => {
    const isClass = (value: unknown) => typeof value === 'function' && /^class\b/.test(`${value}`);
    const classes = Object.entries(evenkeel).filter(([, value]) => isClass(value));
    const unnamed = classes.map(([name]) => name).filter((name) => !names.includes(name));
    expect(unnamed.sort()).toEqual(ELSEWHERE);
  });
});

describe('predict', () => {
  it('changes nothing: mode, statistics, generator, a pending backward, the result of a forward', () => {
    manualSeed(1);
    using model = network();
    using loss = new CrossEntropyLoss();
    const run = (between: () => void): number[][] => {
      manualSeed(2);
      for (const parameter of model.parameters()) parameter.zeroGrad();
      const y = model.forward(x);
      loss.forward(y, labels);
      between();
      const gradients = [[...y.toArray()], [...model.backward(loss.backward()).toArray()]];
      return [...gradients, ...gradientsOf(model)];
    };
    const plain = run(() => {});
    let before: unknown;
    const now = (): unknown => [stateOf(model), model.training, defaultGenerator.state];
    const beside = run(() => {
      before = structuredClone(now());
      model.predict(x);
      model.predict(Tensor.from(x.toArray().subarray(0, 6), [1, 6]));
      expect(now()).toEqual(before);
    });
    expect(beside).toEqual(plain);
  });

  it('gives a tensor of one’s own', () => {
    using model = network();
    const first = model.predict(x);
    const kept = [...first.toArray()];
    model.predict(Tensor.zeros([8, 6]));
    model.dispose();
    expect([...first.toArray()]).toEqual(kept);
  });
});

describe('what a caller passes', () => {
  it('is never written', () => {
    using model = network();
    using loss = new MSELoss();
    const data = x.toArray();
    const target = random.normals(24);
    const dy = random.normals(24);
    const copies = [data, target, dy].map((array) => array.slice());
    loss.forward(model.forward({ data, shape: [8, 6] }), target);
    model.backward({ data: dy, shape: [8, 3] }).toArray();
    expect([data, target, dy]).toEqual(copies);
  });
});

describe('backward', () => {
  it('reads its input gradient late: the same as when read at once, stale after a step', () => {
    using model = network().eval();
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const dy = Tensor.from(random.normals(24), [8, 3]);
    model.forward(x);
    const early = model.backward(dy).toArray();
    model.forward(x);
    const late = model.backward(dy);
    const weights = gradientsOf(model);
    expect(late.toArray()).toEqual(early);
    expect(late.toArray()).toEqual(early);
    expect(gradientsOf(model)).toEqual(weights); // reading adds nothing to them
    optimizer.step();
    expect(() => late.toArray()).toThrow(/stale/);
  });

  it('over k micro-batches with scale 1/k adds up to the whole batch’s gradient', () => {
    using model = new Sequential(new Linear(6, 5), new ReLU(), new Linear(5, 3));
    using loss = new CrossEntropyLoss();
    loss.forward(model.forward(x), labels);
    model.backward(loss.backward());
    const whole = gradientsOf(model).flat();
    for (const parameter of model.parameters()) parameter.zeroGrad();
    for (let i = 0; i < 4; i++) {
      const part = { data: x.toArray().subarray(i * 12, i * 12 + 12), shape: [2, 6] };
      loss.forward(model.forward(part), labels.subarray(i * 2, i * 2 + 2));
      model.backward(loss.backward(1 / 4));
    }
    const parts = gradientsOf(model).flat();
    // Sums of 8 terms in another order: a few units in the last place of the largest.
    const scale = Math.max(...whole.map(Math.abs));
    expect(Math.max(...whole.map((v, i) => Math.abs(v - parts[i]!)))).toBeLessThan(1e-6 * scale);
    expect(scale).toBeGreaterThan(0.01);
  });

  it('allocates gradients only when first asked: a model that only predicts holds its weights once', () => {
    using model = network();
    model.predict(x);
    model.forward(x);
    expect(model.parameters().every(({ grad }) => grad === null)).toBe(true);
    const { used } = memoryUsage();
    model.backward(Tensor.zeros([8, 3]));
    expect(memoryUsage().used).toBeGreaterThan(used);
  });
});

describe('a frozen parameter', () => {
  it('gets no gradient and no update, whatever momentum and decay say', () => {
    using model = network();
    using loss = new CrossEntropyLoss();
    for (const optimizer of [
      new SGD(model.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 0.1 }),
      new Adam(model.parameters(), { lr: 0.1, weightDecay: 0.1 }),
    ]) {
      const step = (): void => {
        loss.forward(model.forward(x), labels);
        optimizer.zeroGrad();
        model.backward(loss.backward());
        optimizer.step();
      };
      step();
      const head = model.at(4);
      model.at(0).freeze();
      const frozen = [...model.at(0).parameters()[0]!.data.toArray()];
      const moving = [...head.parameters()[0]!.data.toArray()];
      for (let i = 0; i < 3; i++) step();
      expect([...model.at(0).parameters()[0]!.data.toArray()]).toEqual(frozen);
      expect([...head.parameters()[0]!.data.toArray()]).not.toEqual(moving);
      model.unfreeze();
      step();
      expect([...model.at(0).parameters()[0]!.data.toArray()]).not.toEqual(frozen);
      optimizer.dispose();
    }
  });
});

describe('loading', () => {
  it('goes both ways through plain { shape, data }', () => {
    manualSeed(5);
    using a = network();
    using b = network();
    a.forward(x);
    const plain = Object.fromEntries(
      Object.entries(a.stateDict()).map(([name, tensor]) => [
        name,
        { shape: [...tensor.shape], data: [...tensor.toArray()] },
      ]),
    );
    expect(stateOf(b)).not.toEqual(stateOf(a));
    b.loadStateDict(plain);
    expect(stateOf(b)).toEqual(stateOf(a));
    expect(b.predict(x).toArray()).toEqual(a.predict(x).toArray());
  });

  it('a snapshot does not follow the model', () => {
    using model = network();
    const snapshot = model.stateDict()['1.running_mean']!;
    model.forward(x);
    expect([...snapshot.toArray()]).toEqual([0, 0, 0, 0, 0]);
  });

  it('loads nothing where one entry is a stale result', () => {
    using model = new Sequential(new Linear(2, 3), new Linear(3, 2));
    using other = new Linear(2, 3);
    const stale = other.forward(Tensor.zeros([3, 2])); // [3, 3]: made to fit below
    other.forward(Tensor.zeros([3, 2]));
    using square = new Linear(3, 3);
    const before = stateOf(square);
    expect(() => square.loadStateDict({ bias: Tensor.from([7, 7, 7]), weight: stale })).toThrow(
      /earlier forward/,
    );
    expect(stateOf(square)).toEqual(before);
    // The order of a model's own entries decides what would have been loaded first.
    const state = model.stateDict();
    const late = other.forward(Tensor.zeros([2, 2])); // [2, 3], as 1.weight
    other.forward(Tensor.zeros([2, 2]));
    const whole = stateOf(model);
    expect(() =>
      model.loadStateDict({ ...state, '0.bias': Tensor.from([7, 7, 7]), '1.weight': late }),
    ).toThrow(/earlier forward/);
    expect(stateOf(model)).toEqual(whole);
  });
});

describe('disposal', () => {
  it('by `using` gives everything back, and a model used afterwards says so', () => {
    const one = (): Module => {
      using model = network();
      using loss = new CrossEntropyLoss();
      using optimizer = new Adam(model.parameters());
      using average = new ExponentialMovingAverage(model);
      loss.forward(model.forward(x), labels);
      model.backward(loss.backward());
      optimizer.step();
      average.update();
      return model;
    };
    one();
    const { used } = memoryUsage();
    const model = one();
    expect(memoryUsage().used).toBe(used);
    expect(() => model.parameters()[0]!.data.toArray()).toThrow(/used after dispose/);
    expect(() => model.forward(x)).toThrow(/dispose/);
    expect(() => model.predict(x)).toThrow(/dispose/);
    expect(memoryUsage().used).toBe(used);
    // Without parameters of its own, batch norm must still not write into what is another's by now.
    const bare = new BatchNorm1d(6, { affine: false });
    bare.dispose();
    expect(() => bare.forward(x)).toThrow(/dispose/);
    bare.dispose();
  });
});

describe('summary', () => {
  it('lists names, layers, shapes and counts, and computes nothing', () => {
    using model = network();
    model.at(0).freeze();
    const before = stateOf(model);
    const lines = summary(model, [8, 6]).split('\n');
    expect(stateOf(model)).toEqual(before);
    const rows = lines.map((line) => line.trim().split(/ {2,}/));
    expect(rows[0]).toEqual(['name', 'layer', 'output', 'parameters']);
    expect(rows.slice(2, -2).map((row) => [row[0], row[2], row[3]])).toEqual([
      ['0', '[8, 5]', '30'],
      ['1', '[8, 5]', '10'],
      ['2', '[8, 5]', undefined],
      ['3', '[8, 5]', undefined],
      ['4', '[8, 3]', '18'],
    ]);
    expect(lines.at(-1)).toBe('58 parameters, 28 of them trained');
    expect(() => summary(model, [8, 7])).toThrow(RangeError);
    expect(summary(model)).toContain('58 parameters');
  });
});

describe('a Parameter made by hand', () => {
  it('is trained like any other, and skipped without a backward', () => {
    const free = new Parameter(Tensor.from([1, 2]));
    using model = new Linear(6, 3);
    using optimizer = new SGD([...model.parameters(), free], { lr: 0.1, weightDecay: 0.5 });
    model.forward(x);
    model.backward(Tensor.zeros([8, 3]));
    optimizer.step();
    expect([...free.data.toArray()]).toEqual([1, 2]);
    free.dispose();
  });
});

describe('a loaded num_batches_tracked', () => {
  it.each([Number.NaN, -1, 0.5])('is refused as %s, and nothing is loaded', (count) => {
    using bn = new BatchNorm1d(2);
    const state = bn.stateDict();
    state.running_mean!.set([3, 4]);
    state.num_batches_tracked = Tensor.from(count);
    expect(() => bn.loadStateDict(state)).toThrow(/num_batches_tracked expected a whole number/);
    expect([...bn.runningMean!.data.toArray()]).toEqual([0, 0]);
  });
});
