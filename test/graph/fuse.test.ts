/** A layer with the ReLU behind it as its epilogue gives the bits of the two layers one by one. */
import { describe, expect, it } from 'vitest';
import { fuse } from '../../src/graph/fuse.ts';
import { traceModule } from '../../src/graph/trace.ts';
import {
  Add,
  BatchNorm1d,
  BatchNorm2d,
  Conv1d,
  Conv2d,
  Flatten,
  Linear,
  Module,
  manualSeed,
  ReLU,
  Residual,
  Sequential,
  Tensor,
} from '../../src/index.ts';
import { TestRandom } from '../support/random.ts';

/** Lets no layer of the model take over a ReLU. */
function apart<M extends Module>(model: M): M {
  for (const [, layer] of model.namedModules()) {
    Object.defineProperty(layer, 'reluEpilogue', { value: undefined });
  }
  return model;
}

/** Layers that run when a model is given `shape`. */
function uses(model: Module, shape: number[]): number {
  const [trace, output] = traceModule(model, [shape]);
  fuse(trace, output.values);
  return trace.uses.length;
}

/** All that two training steps and a prediction give, in order. */
function results(model: Module, shape: number[]): Record<string, Float32Array> {
  const random = new TestRandom(7);
  const draw = (of: readonly number[]) =>
    random.normals(of.reduce((product, extent) => product * extent, 1));
  for (const [name, parameter] of model.namedParameters()) {
    if (name.endsWith('bias'))
      parameter.assign({ data: draw(parameter.shape), shape: parameter.shape });
  }
  const found: Record<string, Float32Array> = {};
  for (const step of ['first', 'second']) {
    const y = model.forward({ data: draw(shape), shape });
    found[`${step} y`] = y.toArray();
    const [dx] = [model.backward({ data: draw(y.shape), shape: y.shape })].flat();
    found[`${step} dx`] = dx!.toArray();
    for (const [name, parameter] of model.namedParameters()) {
      if (parameter.requiresGrad) found[`${step} d ${name}`] = parameter.grad!.toArray();
    }
  }
  found.prediction = model.predict({ data: draw(shape), shape }).toArray();
  found.statistics = Float32Array.from(
    Object.entries(model.stateDict()).flatMap(([name, state]) =>
      name.includes('running') ? [...state.toArray()] : [],
    ),
  );
  return found;
}

/** Where two arrays differ in a bit, or −1. */
function firstDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Math.min(a.length, b.length);
  return a.findIndex((value, i) => !Object.is(value, b[i]));
}

const block = (channels: number, ...more: Module[]) =>
  new Sequential(
    new Conv2d(channels, channels, 3, { padding: 1, bias: false }),
    new BatchNorm2d(channels),
    ...more,
  );

/** Two branches that meet, in the order asked for. */
class Fork extends Module {
  readonly left: Module;
  readonly right: Module;
  private readonly sum = new Add();
  private readonly relu = new ReLU();

  constructor(left: Module, right: Module) {
    super();
    this.left = left;
    this.right = right;
  }

  override forward(x: Tensor): Tensor {
    const [a, b] = [this.left.forward(x), this.right.forward(x)];
    return this.relu.forward(this.sum.forward([b, a, a]));
  }
}

const frozen = (model: Module) => {
  for (const parameter of model.parameters()) parameter.requiresGrad = false;
  return model;
};

const MODELS: [name: string, make: () => Module, shape: number[], uses: number][] = [
  ['Linear, ReLU', () => new Sequential(new Linear(5, 7), new ReLU()), [3, 5], 1],
  [
    'Linear without bias',
    () => new Sequential(new Linear(5, 7, { bias: false }), new ReLU()),
    [3, 5],
    1,
  ],
  ['one row', () => new Sequential(new Linear(5, 7), new ReLU(), new Linear(7, 2)), [1, 5], 2],
  ['Conv2d, ReLU', () => new Sequential(new Conv2d(2, 3, 3), new ReLU()), [3, 2, 6, 5], 1],
  [
    'Conv2d without bias, in groups, and what follows',
    () =>
      new Sequential(
        new Conv2d(4, 8, 2, { bias: false, groups: 2, stride: 2 }),
        new ReLU(),
        new Flatten(),
        new Linear(72, 4),
      ),
    [5, 4, 7, 6],
    3,
  ],
  [
    'Conv1d, ReLU',
    () => new Sequential(new Conv1d(2, 3, 3, { padding: 1 }), new ReLU()),
    [3, 2, 9],
    1,
  ],
  ['Conv2d, batch norm, ReLU', () => block(3, new ReLU()), [4, 3, 5, 5], 2],
  [
    'a residual of images',
    () => new Sequential(new Residual(block(3)), new ReLU()),
    [4, 3, 5, 5],
    3,
  ],
  [
    'residuals in a row',
    () =>
      new Sequential(
        block(3, new ReLU()),
        new Residual(block(3, new ReLU(), block(3))),
        new ReLU(),
        new Residual(block(3)),
      ),
    [4, 3, 5, 5],
    10,
  ],
  [
    'a residual with a shortcut of its own',
    () =>
      new Sequential(
        new Residual(
          new Sequential(new Conv2d(3, 5, 3, { stride: 2, padding: 1 }), new BatchNorm2d(5)),
          new Sequential(new Conv2d(3, 5, 1, { stride: 2 }), new BatchNorm2d(5)),
        ),
        new ReLU(),
      ),
    [4, 3, 6, 6],
    5,
  ],
  [
    'a residual whose shortcut is frozen',
    () =>
      new Sequential(
        new Residual(block(3), frozen(new Conv2d(3, 3, 1))),
        new ReLU(),
        new Conv2d(3, 2, 1),
      ),
    [4, 3, 5, 5],
    5,
  ],
  [
    'a residual whose body is frozen',
    () => new Sequential(new Conv2d(3, 3, 1), new Residual(frozen(block(3))), new ReLU()),
    [4, 3, 5, 5],
    4,
  ],
  [
    'a residual of rows',
    () =>
      new Sequential(
        new Linear(6, 9),
        new Residual(new Sequential(new Linear(9, 9, { bias: false }), new BatchNorm1d(9))),
        new ReLU(),
      ),
    [33, 6],
    4,
  ],
  [
    'a residual of ghost batches',
    () =>
      new Sequential(
        new Residual(new BatchNorm2d(3, { virtualBatchSize: 2, virtualBatchRest: 'join' })),
        new ReLU(),
      ),
    [5, 3, 4, 4],
    2,
  ],
  [
    'a residual larger than the cache',
    () => new Sequential(new Residual(new BatchNorm2d(3)), new ReLU()),
    [7, 3, 64, 80],
    2,
  ],
  [
    'a sum of three, two of them the same',
    () => new Fork(new Sequential(new Linear(5, 4), new ReLU()), block1(5, 4)),
    [6, 5],
    4,
  ],
];

function block1(from: number, to: number): Module {
  return new Sequential(new Linear(from, to), new BatchNorm1d(to));
}

describe('fused layers', () => {
  for (const [name, make, shape, count] of MODELS) {
    it(`give what they give apart: ${name}`, () => {
      manualSeed(3);
      const fused = make();
      manualSeed(3);
      const unfused = apart(make());
      expect(uses(fused, shape)).toBe(count);
      expect(uses(unfused, shape)).toBeGreaterThan(count);
      const expected = results(unfused, shape);
      const found = results(fused, shape);
      for (const [key, values] of Object.entries(expected)) {
        expect(firstDifference(found[key]!, values), key).toBe(-1);
      }
      expect(expected['first y']!.some((v) => v !== 0)).toBe(true);
      fused.dispose();
      unfused.dispose();
    });
  }

  it('pass NaN on', () => {
    const model = new Sequential(new Residual(new BatchNorm1d(2)), new ReLU());
    model.eval();
    const y = model.forward(Tensor.from([[Number.NaN, -1]]));
    expect([...y.toArray()]).toEqual([Number.NaN, 0]);
    expect([...model.backward(Tensor.from([[1, 1]])).toArray()][0]).not.toBe(0);
  });
});
