/** What `toONNX` writes, run by ONNX Runtime. */
import { describe, expect, it } from 'vitest';
import {
  AdaptiveMaxPool2d,
  Add,
  BatchNorm1d,
  BatchNorm2d,
  Concat,
  Conv2d,
  GraphModule,
  Layer,
  Linear,
  type Module,
  Multiply,
  manualSeed,
  ReLU,
  Sequential,
} from '../../src/index.ts';
import { toONNX } from '../../src/onnx/index.ts';
import { TestRandom } from '../support/random.ts';
import { expectClose, randomInput, shuffled } from './compare.ts';
import { CASES } from './layers.ts';
import { runOnnx } from './runtime.ts';

async function check(model: Module, shapes: readonly (readonly number[])[], fixed = false) {
  const random = new TestRandom(1);
  shuffled(model, random);
  const inputShape = shapes.length === 1 ? shapes[0]! : shapes;
  const bytes = toONNX(model, { inputShape, dynamicBatch: !fixed });
  const more = shapes.map(([n, ...others]) => [fixed ? n! : n! + 3, ...others]);
  for (const each of [shapes, more]) {
    const inputs = each.map((shape) => randomInput(shape, random));
    expectClose(await runOnnx(bytes, inputs), model.predict(inputs));
  }
}

describe('ONNX Runtime computes what predict computes:', () => {
  manualSeed(1);
  for (const { make, shape, fixed } of CASES) {
    it(`${make()} of [${shape}]`, async () => {
      await check(make(), [shape], fixed);
    });
  }

  it('sums and joined inputs', async () => {
    await check(new Add(), [
      [2, 3],
      [2, 3],
    ]);
    await check(new Add(), [
      [2, 3],
      [2, 3],
      [2, 3],
    ]);
    await check(new Multiply(), [
      [2, 3, 4, 4],
      [2, 3, 1, 1],
      [2, 3, 4, 1],
    ]);
    await check(new Concat(), [
      [2, 3, 4],
      [2, 2, 4],
    ]);
    await check(new Concat(2), [
      [2, 3, 4],
      [2, 3, 5],
    ]);
  });

  it('a network of several inputs that calls a layer twice', async () => {
    const shared = new Linear(4, 4);
    const model = new GraphModule(
      [
        { name: 'one', layer: shared, inputs: ['a'] },
        { name: 'one#2', layer: shared, inputs: ['b'] },
        { name: 'sum', layer: new Add(), inputs: ['one', 'one#2'] },
        { name: 'relu', layer: new ReLU(), inputs: ['sum'] },
      ],
      { inputs: ['a', 'b'] },
    );
    await check(model, [
      [2, 4],
      [2, 4],
    ]);
  });

  it('a folded network', async () => {
    const random = new TestRandom(2);
    const model = new Sequential(
      new Conv2d(3, 4, 3, { bias: false }),
      new BatchNorm2d(4),
      new ReLU(),
    );
    shuffled(model, random);
    const bytes = toONNX(model, { inputShape: [1, 3, 6, 6], fold: true });
    expect(Buffer.from(bytes).includes('BatchNormalization')).toBe(false);
    const x = randomInput([2, 3, 6, 6], random);
    expectClose(await runOnnx(bytes, [x]), model.predict(x));
  });
});

describe('toONNX', () => {
  const model = new Sequential(new Linear(3, 2), new BatchNorm1d(2));

  it('names tensors by their state-dict keys, and says of each node which layer it is', () => {
    const text = Buffer.from(toONNX(model, { inputShape: [1, 3] })).toString('latin1');
    for (const name of [...Object.keys(model.stateDict()), 'Linear(3, 2)', 'BatchNorm1d(2)']) {
      if (!name.endsWith('num_batches_tracked')) expect(text).toContain(name);
    }
  });

  it('gives the same bytes again, and changes nothing', () => {
    const before = model.stateDict();
    const bytes = toONNX(model, { inputShape: [1, 3] });
    expect(toONNX(model, { inputShape: [1, 3] })).toEqual(bytes);
    expect(model.stateDict()).toEqual(before);
    expect(model.training).toBe(true);
  });

  it('refuses what it cannot write, with the place', () => {
    class Own extends Layer {
      outputShape(shape: readonly number[]) {
        return shape;
      }
      compute(): void {}
      differentiate(): void {}
    }
    expect(() => toONNX(new Sequential(new ReLU(), new Own()), { inputShape: [1, 3] })).toThrow(
      'toONNX: 1: expected a layer that ONNX opset 21 can express, got Own',
    );
    expect(() => toONNX(model, {} as never)).toThrow(
      'toONNX: inputShape expected the shape of the input',
    );
    expect(() => toONNX({} as never, { inputShape: [1, 3] })).toThrow('a Module');
    expect(() => toONNX(model, { inputShape: [1, 4] })).toThrow('Linear(3, 2)');
    expect(() => toONNX(new AdaptiveMaxPool2d(2), { inputShape: [1, 2, 4, 5] })).toThrow(
      'bins of one size',
    );
    const fixed = CASES.find((each) => each.fixed)!;
    expect(() => toONNX(fixed.make(), { inputShape: fixed.shape })).toThrow(
      'pass { dynamicBatch: false }',
    );
  });
});
