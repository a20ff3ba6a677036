/** What happens to an optimizer between steps: memory that fails, options that change, parameters that go. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  Adagrad,
  Adam,
  AdamW,
  Lion,
  NAdam,
  type Optimizer,
  Parameter,
  RAdam,
  RMSprop,
  SGD,
  Tensor,
} from '../../src/index.ts';
import { Allocator } from '../../src/memory/allocator.ts';
import { TestRandom } from '../support/random.ts';

const made: { dispose(): void }[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const thing of made.splice(0)) thing.dispose();
});

function track<T extends { dispose(): void }>(thing: T): T {
  made.push(thing);
  return thing;
}

/** Lets the k-th allocation from now on fail. Returns whether it came to that. */
function failAt(k: number): () => boolean {
  let count = 0;
  const { allocate } = Allocator.prototype;
  vi.spyOn(Allocator.prototype, 'allocate').mockImplementation(function (this: Allocator, bytes) {
    if (++count === k) throw new RangeError('no memory');
    return allocate.call(this, bytes);
  });
  return () => {
    vi.restoreAllMocks();
    return count >= k;
  };
}

type Make = (params: Parameter[]) => Optimizer;

/** Two groups; the first SGD has no moments in its first group. */
const MAKERS: Record<string, Make> = {
  'SGD without momentum': (p) => new SGD(p, { lr: 0.1 }) as never,
  'SGD with momentum': (p) => new SGD(p, { lr: 0.1, momentum: 0.9, dampening: 0.2 }) as never,
  'SGD with and without momentum': (p) =>
    new SGD([{ params: p.slice(0, 1) }, { params: p.slice(1), momentum: 0.9 }], {
      lr: 0.1,
    }) as never,
  Adam: (p) => new Adam(p, { lr: 0.1, amsgrad: true }) as never,
  AdamW: (p) =>
    new AdamW([{ params: p.slice(0, 2) }, { params: p.slice(2), lr: 0.2 }], { lr: 0.1 }) as never,
  RMSprop: (p) => new RMSprop(p, { lr: 0.1, momentum: 0.9, centered: true }) as never,
  NAdam: (p) => new NAdam(p, { lr: 0.1, weightDecay: 0.1 }) as never,
  RAdam: (p) => new RAdam(p, { lr: 0.1, betas: [0.9, 0.8], maximize: true }) as never,
  Adagrad: (p) => new Adagrad(p, { lr: 0.1, initialAccumulatorValue: 0.5 }) as never,
  Lion: (p) => new Lion(p, { lr: 0.1, weightDecay: 0.1 }) as never,
};

const parametersOf = () => {
  const random = new TestRandom(1);
  return [5, 16, 33].map((n) => track(new Parameter(Tensor.from(random.normals(n)))));
};
const values = (parameters: readonly Parameter[]) => parameters.map((p) => p.data.toArray());

function setGradients(parameters: readonly Parameter[], seed: number): void {
  for (const [k, p] of parameters.entries()) {
    if (!p.disposed) p.grad = new TestRandom(10 * seed + k).normals(p.size);
  }
}

describe.each(Object.entries(MAKERS))('%s', (_, make) => {
  /** Four steps: one with the middle parameter frozen, then it is trained, too. */
  const script = (parameters: Parameter[], optimizer: Optimizer, step: () => void) => {
    for (let t = 0; t < 4; t++) {
      parameters[1]!.requiresGrad = t > 0;
      setGradients(parameters, t);
      step();
    }
    return { weights: values(parameters), state: optimizer.stateDict() };
  };
  const undisturbed = () => {
    const parameters = parametersOf();
    const optimizer = track(make(parameters));
    return script(parameters, optimizer, () => optimizer.step());
  };

  it('updates nothing if memory fails, and all of it at the next try', () => {
    const expected = undisturbed();
    let faults = 0;
    for (let k = 1, failed = true; failed; k++) {
      failed = false;
      const parameters = parametersOf();
      const optimizer = track(make(parameters));
      const found = script(parameters, optimizer, () => {
        const [weights, state] = [values(parameters), optimizer.stateDict()];
        const reached = failAt(k);
        try {
          optimizer.step();
        } catch (error) {
          expect(error).toEqual(new RangeError('no memory'));
          expect(values(parameters)).toEqual(weights);
          expect(optimizer.stateDict()).toEqual(state);
        }
        if (!reached()) return;
        failed = true;
        faults++;
        optimizer.step();
      });
      expect(found).toEqual(expected);
    }
    const moments = expected.state.state[1] ?? {};
    expect(faults).toBeGreaterThanOrEqual(Object.keys(moments).length > 0 ? 3 : 0);
  });

  it('loads nothing if memory fails', () => {
    const { state } = undisturbed();
    const parameters = parametersOf();
    const before = track(make(parameters)).stateDict();
    for (let k = 1; k < 9; k++) {
      const optimizer = track(make(parameters));
      const reached = failAt(k);
      try {
        optimizer.loadStateDict(state);
      } catch {
        expect(optimizer.stateDict()).toEqual(before);
      }
      reached();
      optimizer.loadStateDict(state);
      expect(optimizer.stateDict()).toEqual(state);
    }
  });

  it('goes on from its state dict after each of these as without it', () => {
    const changes: ((parameters: Parameter[], optimizer: Optimizer) => void)[] = [
      (p) => {
        p[1]!.requiresGrad = false;
      },
      (p) => {
        p[1]!.requiresGrad = true;
      },
      (p) => {
        p[0]!.grad = null;
      },
      (_, optimizer) => {
        optimizer.lr = 0.03;
      },
      (_, { groups: [group] }) => {
        const given = group as unknown as Record<string, unknown>;
        for (const name of ['amsgrad', 'centered']) if (name in given) given[name] = !given[name];
        if ('momentum' in given) given.momentum = given.momentum ? 0 : 0.8;
      },
      (_, { groups: [group] }) => {
        const given = group as unknown as Record<string, unknown>;
        for (const name of ['amsgrad', 'centered']) if (name in given) given[name] = !given[name];
        if ('momentum' in given) given.momentum = given.momentum ? 0 : 0.8;
      },
      (_, optimizer) => optimizer.zeroGrad(),
    ];
    const run = (saving: boolean) => {
      const parameters = parametersOf();
      let optimizer = track(make(parameters));
      for (const [t, change] of changes.entries()) {
        setGradients(parameters, t);
        optimizer.step();
        setGradients(parameters, t + 50);
        change(parameters, optimizer);
        if (saving) {
          const dict = optimizer.stateDict();
          optimizer = track(make(parameters));
          optimizer.loadStateDict(dict);
          expect(optimizer.stateDict()).toEqual(dict);
        }
        optimizer.step();
      }
      return { weights: values(parameters), state: optimizer.stateDict() };
    };
    expect(run(true)).toEqual(run(false));
  });

  it('skips a parameter that was disposed of, and trains the others', () => {
    const run = (dispose: boolean) => {
      const parameters = parametersOf();
      const optimizer = track(make(parameters));
      for (let t = 0; t < 3; t++) {
        setGradients(parameters, t + 1);
        optimizer.step();
        if (dispose) parameters[0]!.dispose();
        optimizer.zeroGrad();
      }
      const { state } = optimizer.stateDict();
      return [values(parameters.slice(1)), state[1], state[2]];
    };
    expect(run(true)).toEqual(run(false));
  });

  it.each([Number.NaN, Infinity, -0.1, '0.1', undefined])(
    'refuses lr %s, and updates nothing',
    (lr) => {
      const parameters = parametersOf();
      const optimizer = track(make(parameters));
      setGradients(parameters, 1);
      const before = values(parameters);
      const expected = /lr expected a number/;
      expect(() => {
        optimizer.lr = lr as number;
      }).toThrow(expected);
      optimizer.groups.at(-1)!.lr = lr as number;
      expect(() => optimizer.step()).toThrow(expected);
      expect(values(parameters)).toEqual(before);
      optimizer.groups.at(-1)!.lr = 0.1;
      optimizer.step();
      expect(values(parameters)).not.toEqual(before);
    },
  );
});

describe('state dicts are read once, before anything is loaded', () => {
  it('a state that stands on the optimizer’s own or moved memory', () => {
    const parameters = parametersOf();
    const optimizer = track(new Adam(parameters));
    setGradients(parameters, 1);
    optimizer.step();
    const dict = optimizer.stateDict();
    const [a, b] = [track(new Parameter(dict.state[0]!.exp_avg!)), dict.state[1]!.exp_avg!];
    a.grad = dict.state[0]!.exp_avg_sq!;
    const other = track(new Adam(parameters));
    other.loadStateDict({
      ...dict,
      state: { ...dict.state, 0: { step: 1, exp_avg: a.data, exp_avg_sq: a.grad! } },
    });
    expect(other.stateDict()).toEqual(dict);
    expect(b.size).toBe(16);
  });

  it('an entry that is no number stops the load, and is named', () => {
    const parameters = parametersOf();
    const optimizer = track(new Adam(parameters));
    setGradients(parameters, 1);
    optimizer.step();
    const dict = optimizer.stateDict();
    const data = [...dict.state[2]!.exp_avg!.toArray()] as unknown[];
    for (const wrong of ['1', null, 1n, undefined]) {
      data[32] = wrong;
      const state = { ...dict.state, 2: { ...dict.state[2], exp_avg: { data, shape: [33] } } };
      expect(() => optimizer.loadStateDict({ ...dict, state } as never)).toThrow(
        /Adam.loadStateDict: parameter 2: exp_avg.* expected numbers, got .* at \[32\]/,
      );
      expect(optimizer.stateDict()).toEqual(dict);
    }
  });
});
