/** Functions beside training: at each allocation that fails they change nothing, keep nothing, and succeed the next time. */
import { expect, it } from 'vitest';
import {
  adaptStatistics,
  BatchNorm1d,
  Conv2d,
  CrossEntropyLoss,
  evaluate,
  Flatten,
  Generator,
  Linear,
  lint,
  type Module,
  manualSeed,
  ReLU,
  recomputeStatistics,
  Sequential,
  SpectralNorm,
  summary,
  Tensor,
  Upsample,
  WeightNorm,
} from '../../src/index.ts';
import { PCA, ZCA } from '../../src/whitening/index.ts';
import { TestRandom } from '../support/random.ts';
import { InjectedFault, Injector, isInjected } from './faults.ts';
import { used } from './script.ts';

const random = new TestRandom(8);
const x = Tensor.from(random.normals(12 * 2 * 3 * 3), [12, 2, 3, 3]);
const table = Tensor.from(random.normals(40), [10, 4]);

function network(): Sequential {
  manualSeed(3);
  return new Sequential(
    new Conv2d(2, 2, 1),
    new Upsample({ scaleFactor: 2 }),
    new Flatten(),
    new SpectralNorm(new Linear(72, 4)),
    new BatchNorm1d(4),
    new ReLU(),
    new WeightNorm(new Linear(4, 2)),
  );
}

/** What each call gives, to compare; the model is new in each. */
const CALLS: Record<string, (model: Sequential) => unknown> = {
  recomputeStatistics: (model) => recomputeStatistics(model, x, { batchSize: 5 }),
  adaptStatistics: (model) => adaptStatistics(model, x, { prior: 3 }),
  evaluate: (model) => {
    using loss = new CrossEntropyLoss();
    return evaluate(model, { inputs: x, targets: new Int32Array(12) }, loss, { batchSize: 5 });
  },
  summary: (model) => summary(model, [4, 2, 3, 3]),
  lint: (model) => lint(model, { batchSize: 4 }).length,
  predict: (model) => model.predict(x).toArray(),
  'a permutation': () => new Generator(1).permutation(9),
  PCA: () => new PCA({ nComponents: 2 }).fitTransform(table).toArray(),
  ZCA: () => new ZCA().fitTransform(table).toArray(),
};

const stateOf = (model: Module) =>
  Object.values(model.stateDict()).map((tensor) => [...tensor.toArray()]);

it.each(Object.entries(CALLS))('%s', (_, call) => {
  new Generator().permutation(1); // scratch that is made once
  const run = (injector = new Injector()): unknown => {
    const before = used();
    const model = network();
    const state = stateOf(model);
    let result: unknown;
    try {
      result = injector.during('allocate', () => call(model));
    } catch (error) {
      if (!isInjected(error)) throw error;
      expect(stateOf(model)).toEqual(state);
      result = call(model);
    }
    const left = [result, stateOf(model)];
    model.dispose();
    expect(used()).toBeLessThanOrEqual(before);
    return left;
  };
  const counter = new Injector();
  const undisturbed = run(counter);
  for (let k = 1; k <= counter.calls; k++) {
    const injector = new Injector(new Set([k]));
    expect(run(injector), `after a fault at ${k}`).toEqual(undisturbed);
    expect(injector.fired).toBe(1);
  }
});

it('an injected fault is told from other errors', () => {
  const injector = new Injector(new Set([1]));
  expect(() => injector.during('allocate', () => new Linear(1, 1))).toThrow(InjectedFault);
  expect(isInjected(new Error('mine'))).toBe(false);
});
