/** What `fromONNX` reads: files of `toONNX`, and files of others. */
import { describe, expect, it } from 'vitest';
import {
  Add,
  BatchNorm1d,
  BatchNorm2d,
  Concat,
  Conv2d,
  Flatten,
  GraphModule,
  Linear,
  MaxPool2d,
  MSELoss,
  Multiply,
  manualSeed,
  ReLU,
  Sequential,
  SGD,
  Tensor,
} from '../../src/index.ts';
import { fromONNX, toONNX } from '../../src/onnx/index.ts';
import { TestRandom } from '../support/random.ts';
import { expectClose, randomInput, shuffled } from './compare.ts';
import { CASES } from './layers.ts';

describe('a file of toONNX gives the model again:', () => {
  manualSeed(1);
  for (const { make, shape, fixed } of CASES.filter(({ oneWay }) => !oneWay)) {
    it(`${make()} of [${shape}]`, () => {
      const random = new TestRandom(3);
      const model = shuffled(make(), random);
      const bytes = toONNX(model, { inputShape: shape, dynamicBatch: !fixed });
      const again = fromONNX(bytes);
      const [n, ...rest] = shape;
      for (const samples of fixed ? [n!] : [n!, n! + 2]) {
        const x = randomInput([samples, ...rest], random);
        expectClose(again.predict(x), model.predict(x));
      }
    });
  }
});

it.each(CASES.filter(({ oneWay }) => oneWay))(
  '$oneWay is named if no layer computes it',
  (each) => {
    const bytes = toONNX(each.make(), { inputShape: each.shape });
    expect(() => fromONNX(bytes)).toThrow(
      new RegExp(`^fromONNX: node \\S+ \\(${each.oneWay}, opset 21\\): `),
    );
  },
);

function network() {
  return new Sequential({
    conv: new Conv2d(2, 4, 3, { padding: 1, bias: false }),
    bn: new BatchNorm2d(4, { runningVariance: 'biased' }),
    relu: new ReLU(),
    pool: new MaxPool2d(2),
    flatten: new Flatten(),
    fc: new Linear(16, 3),
  });
}

describe('fromONNX', () => {
  it('has the names and values of the state dict, and trains to the same bits', () => {
    const random = new TestRandom(4);
    const model = shuffled(network(), random);
    const again = fromONNX(toONNX(model, { inputShape: [1, 2, 4, 4] }));
    const [mine, its] = [model.stateDict(), again.stateDict()];
    for (const [name, tensor] of Object.entries(mine)) {
      if (name.endsWith('num_batches_tracked')) continue;
      expect(its[name]?.toArray(), name).toEqual(tensor.toArray());
    }
    const x = randomInput([5, 2, 4, 4], random);
    const target = randomInput([5, 3], random);
    const losses = [model, again].map((each) => {
      const optimizer = new SGD(each.parameters(), { lr: 0.1 });
      const loss = new MSELoss();
      return Array.from({ length: 5 }, () => {
        const value = loss.forward(each.forward(x), target);
        optimizer.zeroGrad();
        each.backward(loss.backward());
        optimizer.step();
        return value;
      });
    });
    expect(losses[1]).toEqual(losses[0]);
    expect(losses[0]!.at(-1)).toBeLessThan(losses[0]![0]!);
    expect(again.stateDict()['bn.running_var']!.toArray()).toEqual(
      model.stateDict()['bn.running_var']!.toArray(),
    );
  });

  it('reads several inputs, and a layer that is called twice once', () => {
    const shared = new Linear(4, 4);
    const model = new GraphModule(
      [
        { name: 'one', layer: shared, inputs: ['a'] },
        { name: 'one#2', layer: shared, inputs: ['b'] },
        { name: 'sum', layer: new Add(), inputs: ['one', 'one#2'] },
        { name: 'gate', layer: new Multiply(), inputs: ['sum', 'a'] },
        { name: 'both', layer: new Concat(), inputs: ['gate', 'b'] },
      ],
      { inputs: ['a', 'b'] },
    );
    const again = fromONNX(
      toONNX(model, {
        inputShape: [
          [1, 4],
          [1, 4],
        ],
      }),
    );
    const random = new TestRandom(5);
    const inputs = [randomInput([3, 4], random), randomInput([3, 4], random)];
    expectClose(again.predict(inputs), model.predict(inputs));
    expect(again.namedParameters().map(([name]) => name)).toEqual(['one.weight', 'one.bias']);
  });

  it('gives another tensor of the file by name', () => {
    const model = new Sequential(new Linear(3, 4), new ReLU(), new BatchNorm1d(4));
    const bytes = toONNX(model, { inputShape: [1, 3] });
    const x = Tensor.from([1, -2, 3, 0.5, 1, 2], [2, 3]);
    const { '1': expected } = model.predict(x, { at: ['1'] });
    expectClose(fromONNX(bytes, { output: '1' }).predict(x), expected);
    expect(() => fromONNX(bytes, { output: 'nothing' })).toThrow('fromONNX: output expected');
  });
});
