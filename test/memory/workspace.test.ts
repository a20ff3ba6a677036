/** Models that do not run at the same time share workspaces, and nobody can tell from the numbers. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  BatchNorm1d,
  CrossEntropyLoss,
  Linear,
  type Module,
  MSELoss,
  manualSeed,
  memoryUsage,
  Parameter,
  ReLU,
  Sequential,
  SGD,
  Tensor,
} from '../../src/index.ts';
import { slack } from '../../src/memory/allocator.ts';
import { Block } from '../../src/memory/memory.ts';
import { TestRandom } from '../support/random.ts';

const random = new TestRandom(5);
const BATCH = 256;
const X = { data: random.normals(BATCH * 32), shape: [BATCH, 32] };
const LABELS = Int32Array.from({ length: BATCH }, () => random.integer(4));

function network(width = 64): Sequential {
  return new Sequential(
    new Linear(32, width, { bias: false }),
    new BatchNorm1d(width),
    new ReLU(),
    new Linear(width, 4),
  );
}

/** A model's step: forward and, in a second call, the rest. The pieces of two models can be interleaved. */
class Trainee {
  readonly loss = new CrossEntropyLoss();
  readonly optimizer: SGD;
  y!: Tensor;
  dx!: Tensor;

  constructor(readonly model: Module) {
    this.optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  }

  forward(): number {
    this.y = this.model.forward(X);
    return this.loss.forward(this.y, LABELS);
  }

  backward(): void {
    this.optimizer.zeroGrad();
    this.dx = this.model.backward(this.loss.backward());
  }

  step(): number {
    const value = this.forward();
    this.backward();
    this.optimizer.step();
    return value;
  }

  dispose(): void {
    for (const thing of [this.model, this.loss, this.optimizer]) thing.dispose();
  }
}

const open: Trainee[] = [];

function trainee(width?: number): Trainee {
  const made = new Trainee(network(width));
  open.push(made);
  return made;
}

afterEach(() => {
  for (const each of open.splice(0)) each.dispose();
});

const used = () => memoryUsage().used;

/** The bytes of a model's parameters, gradients, momenta and buffers. */
function ownBytes(model: Module): number {
  const tensors = Object.values(model.stateDict());
  const parameters = model.parameters();
  return (
    tensors.reduce((sum, { size }) => sum + size * 4, 0) +
    parameters.reduce((sum, { size }) => sum + size * 8, 0)
  );
}

describe('workspaces', () => {
  it('are handed on by models that were trained and dropped', () => {
    const first = trainee();
    first.step();
    first.model.predict(X);
    const before = used();
    const n = 50;
    for (let i = 0; i < n; i++) {
      const next = trainee();
      next.step();
      next.model.predict(X);
    }
    const each = (used() - before) / n;
    const lossBytes = 3 * BATCH * 16;
    expect(each).toBeLessThan(ownBytes(first.model) + lossBytes + 4096);
  });

  it('are where they were after two models of other sizes have taken turns', () => {
    const [a, b] = [trainee(64), trainee(80)];
    const turn = () => {
      a.step();
      b.step();
      a.model.predict(X);
      b.model.predict(X);
    };
    turn();
    turn();
    const before = memoryUsage();
    for (let i = 0; i < 50; i++) turn();
    expect(memoryUsage()).toEqual(before);
  });

  it('leave no trace in the numbers, however steps are interleaved', () => {
    const run = (alone: boolean): number[] => {
      manualSeed(1);
      const models = [64, 80, 100].map((width) => network(width));
      const trainees = models.map((model) => new Trainee(model));
      const numbers: number[][] = [[], [], []];
      const actions = new TestRandom(9);
      const turns = Array.from({ length: 60 }, () => [actions.integer(3), actions.integer(4)]);
      const perform = ([who, what]: number[]) => {
        const one = trainees[who!]!;
        const into = numbers[who!]!;
        if (what === 0) into.push(one.forward());
        else if (what === 1) into.push(...one.model.predict(X).toArray().slice(0, 8));
        else into.push(one.step(), ...one.y.toArray().slice(0, 8));
        if (what === 3) into.push(...one.y.toArray().slice(8, 16));
      };
      if (alone) {
        for (const who of [0, 1, 2]) turns.filter(([each]) => each === who).forEach(perform);
      } else turns.forEach(perform);
      for (const each of trainees) each.dispose();
      return numbers.flat();
    };
    expect(run(false)).toEqual(run(true));
  });

  it('are not taken between forward and backward, nor before the input gradient is stale', () => {
    const [a, b] = [trainee(), trainee()];
    a.optimizer.lr = 0;
    a.forward();
    b.step();
    a.backward();
    const expected = a.dx.toArray();
    a.forward();
    b.forward();
    a.backward();
    b.step();
    trainee().step(); // takes b's, and a's is left alone
    trainee().step();
    expect(a.dx.toArray()).toEqual(expected);
  });

  it('leave the result readable, and the gradient of a loss on it', () => {
    const a = trainee();
    const target = { data: random.normals(BATCH * 4), shape: [BATCH, 4] };
    const [early, late] = [new MSELoss(), new MSELoss()];
    a.forward();
    late.forward(a.y, target);
    early.forward(a.y, target);
    const expected = early.backward().toArray();
    const values = a.y.toArray();
    a.backward();
    a.optimizer.step();
    const b = trainee();
    b.step(); // takes a's workspace
    expect(a.y.place).toBeUndefined();
    expect(a.y.toArray()).toEqual(values);
    expect(late.backward().toArray()).toEqual(expected);
    expect(early.forward(a.y, target)).toBe(early.forward(Tensor.from(values, [BATCH, 4]), target));
    trainee().step();
    expect(a.y.toArray()).toEqual(values);
    const { y } = a;
    a.forward();
    expect(() => y.toArray()).toThrow('earlier forward');
    for (const loss of [early, late]) loss.dispose();
  });

  it('go back to who has made them, so that disposing of all models frees all', () => {
    const before = used();
    const a = trainee();
    a.step();
    const alone = used();
    const [b, c] = [trainee(), trainee()];
    b.step();
    c.step();
    b.dispose();
    c.dispose();
    expect(used()).toBe(alone);
    a.step();
    a.dispose();
    expect(used()).toBe(before);
    const [d, e] = [trainee(), trainee()];
    d.step();
    e.step();
    d.dispose();
    e.step();
    e.dispose();
    expect(used()).toBe(before);
  });

  it('are released with models that are garbage-collected, on offer or taken', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const before = used();
    (() => {
      for (let i = 0; i < 10; i++) {
        const dropped = new Trainee(network());
        dropped.step();
        dropped.model.predict(X);
      }
    })();
    for (let i = 0; i < 50 && used() > before; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      collect();
    }
    expect(used()).toBe(before);
  });
});

describe('linear memory', () => {
  it('grows by at most an eighth and 64 MiB more than needed', () => {
    expect(slack(2 ** 20)).toBe(2 ** 17);
    expect(slack(2 ** 31)).toBe(2 ** 26);
    const made: Parameter[] = [];
    let growths = 0;
    let { total } = memoryUsage();
    for (let i = 0; i < 2000; i++) {
      made.push(new Parameter(Tensor.zeros([4096])));
      const now = memoryUsage();
      if (now.total === total) continue;
      growths++;
      expect(now.total).toBeLessThanOrEqual(now.used + total / 8 + 2 * 65_536);
      total = now.total;
    }
    expect(growths).toBeGreaterThan(0);
    expect(growths).toBeLessThan(40); // 500 if it grew page by page
    for (const parameter of made) parameter.dispose();
  });

  it('says once that it grows beyond 1 GiB, and what to do', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const blocks = [2 ** 30, 2 ** 28, 2 ** 28].map((bytes) => new Block(bytes)); // pages that nobody touches
    expect(warn.mock.calls.flat()).toEqual([
      expect.stringMatching(/exceeds 1 GiB: dispose\(\) .* scope\(\)/),
    ]);
    warn.mockRestore();
    for (const block of blocks) block.release();
  });

  it('grows by just what is needed where more is refused', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const last = new Block(2 ** 32 - used() - 2 ** 20); // 64 MiB more would be beyond 4 GiB
    expect(memoryUsage().total).toBeGreaterThan(2 ** 32 - 2 ** 21);
    last.release();
    warn.mockRestore();
  });
});
