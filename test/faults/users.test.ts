/**
 * A user's code that throws, at each of its calls during a training: its own error arrives, everything that
 * was opened is closed, and the same training again has the bits of an undisturbed one. Nothing leaks.
 */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { evaluate, fit, Generator, LambdaLR } from '../../src/index.ts';
import { InjectedFault, Injector } from './faults.ts';
import { hook, KINDS } from './models.ts';
import { Script, used } from './script.ts';

afterEach(() => {
  hook.call = () => {};
});

const OWN = KINDS['a Layer of one’s own']!;

/** Iterables that are open: begun and neither finished nor closed. */
let open = 0;

/** The script's batches, one for one, with a call before each and at both ends. */
function batchesOf(script: Script, call: () => void, atReturn = false) {
  return {
    [Symbol.iterator]() {
      const batches = script.data();
      open++;
      let done = false;
      const close = (): void => {
        if (!done) open--;
        done = true;
      };
      return {
        next() {
          try {
            call();
          } catch (error) {
            close(); // an iterator that throws is closed, as the language has it
            throw error;
          }
          const value = batches.shift();
          if (!value) close();
          return value
            ? { done: false as const, value }
            : { done: true as const, value: undefined };
        },
        return() {
          close();
          if (atReturn) call();
          return { done: true as const, value: undefined };
        },
      };
    },
  };
}

const none = () => ({});

// Scratch that is made once for all generators.
beforeAll(() => void new Generator().permutation(1));

/** How each kind of a user's code gets into a training; `call` is what it calls. */
const PLACES: Record<string, (script: Script, call: () => void) => Promise<unknown>> = {
  'compute and differentiate': (script, call) => {
    hook.call = call;
    return script.fit();
  },
  'a metric': (script, call) => {
    const mine = () => {
      call();
      return 1;
    };
    return script.fit(() => ({ metrics: { mine } }));
  },
  'a schedule': (script, call) => {
    const lambda = () => {
      call();
      return 0.5;
    };
    return script.fit(() => ({ schedule: new LambdaLR(script.trained.optimizer, lambda) }));
  },
  'a callback': (script, call) => script.fit(() => ({ beforeStep: call })),
  'a data iterator': (script, call) => script.fit(none, batchesOf(script, call)),
  'an iterator that is closed': (script, call) =>
    script.fit(() => ({ beforeStep: call }), batchesOf(script, call, true)),
  'validation data': (script, call) => script.fit(() => ({ validation: batchesOf(script, call) })),
  'the batches of an epoch': (script, call) => {
    const epoch = () => {
      call();
      return script.data();
    };
    return script.fit(none, epoch);
  },
  'the loop': (script, call) => script.fit(none, undefined, call),
};

describe.each(Object.entries(PLACES))('%s', (_, train) => {
  it('may throw at any of its calls', async () => {
    const before = used();
    const script = new Script(OWN);
    await script.until('second, larger average');
    const counter = new Injector();
    const undisturbed = await train(script, () => counter.call());
    expect(counter.calls).toBeGreaterThan(1);
    for (let k = 1; k <= counter.calls; k++) {
      const injector = new Injector(new Set([k]));
      const error = await train(script, () => injector.call()).catch((e) => e as Error);
      expect(error, `call ${k}`).toBeInstanceOf(InjectedFault);
      expect((error as Error).message).toBe(`fault at call ${k}`);
      expect(open, `iterators open after call ${k}`).toBe(0);
      expect(await train(script, () => {}), `bits after call ${k}`).toEqual(undisturbed);
    }
    script.dispose();
    expect(used()).toBeLessThanOrEqual(before);
  });
});

it('a Layer that throws in predict, evaluate or the input gradient leaves the model usable', async () => {
  const script = new Script(OWN);
  await script.until('second, larger average');
  const { model, loss } = script.trained;
  const data = script.data();
  const x = data[0]!.inputs;
  const tasks: (() => unknown)[] = [
    () => [...model.predict(x).toArray()],
    () => evaluate(model, data, loss),
    () => {
      for (const parameter of model.parameters()) parameter.zeroGrad();
      model.freeze();
      const y = model.forward(x);
      loss.forward(y, data[0]!.targets);
      const dx = model.backward(loss.backward());
      const bits = [...dx.toArray()]; // computed only now
      model.unfreeze();
      return bits;
    },
  ];
  const running = () => model.loadStateDict(state);
  const state = model.stateDict();
  for (const task of tasks) {
    running();
    const undisturbed = task();
    const counter = new Injector();
    hook.call = () => counter.call();
    running();
    task();
    expect(counter.calls).toBeGreaterThan(0);
    for (let k = 1; k <= counter.calls; k++) {
      const injector = new Injector(new Set([k]));
      hook.call = () => injector.call();
      running();
      expect(task).toThrow(InjectedFault);
      running();
      expect(task()).toEqual(undisturbed);
    }
    hook.call = () => {};
  }
  script.dispose();
});

it('an error outlives one that is thrown when the data are closed', async () => {
  const script = new Script(OWN);
  await script.until('first average');
  const { model, loss, optimizer } = script.trained;
  const [batch] = script.data();
  const data = {
    [Symbol.iterator]: () => ({
      next: () => ({ done: false as const, value: batch! }),
      return: () => {
        throw new Error('second');
      },
    }),
  };
  const options = {
    loss,
    optimizer,
    beforeStep: () => {
      throw new Error('first');
    },
  };
  const run = async () => {
    for await (const _ of fit(model, data, options));
  };
  await expect(run()).rejects.toThrow('first');
  script.dispose();
});
