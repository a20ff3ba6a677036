import { describe, expect, it } from 'vitest';
import {
  Add,
  BatchNorm1d,
  BatchNorm2d,
  Conv1d,
  Conv2d,
  ConvTranspose2d,
  Dropout,
  defaultGenerator,
  Flatten,
  fold,
  GlobalAvgPool,
  type Input,
  Layer,
  type LayerContext,
  Linear,
  MaskedBatchNorm1d,
  Module,
  Parameter,
  ReLU,
  Residual,
  Sequential,
  Tensor,
} from '../../src/index.ts';
import { expectClose } from '../support/close.ts';
import { TestRandom } from '../support/random.ts';

const random = new TestRandom(31);

/** Every batch norm of the model with statistics, γ and β of its own. */
function settle<M extends Module>(model: M): M {
  for (const [, layer] of model.namedModules()) {
    if (!(layer instanceof BatchNorm1d || layer instanceof BatchNorm2d)) continue;
    const c = layer.numFeatures;
    layer.runningMean?.assign({ data: random.normals(c, 0.5), shape: [c] });
    layer.runningVar?.assign({ data: random.uniforms(c, 0.3, 2), shape: [c] });
    layer.weight?.assign({ data: random.normals(c, 1, 0.3), shape: [c] });
    layer.bias?.assign({ data: random.normals(c), shape: [c] });
  }
  return model;
}

const input = (...shape: number[]) => ({
  data: random.normals(shape.reduce((a, b) => a * b)),
  shape,
});

/** Folds, compares, and says what became of the batch norms. */
function folding(model: Module, x: Input | Input[], shape?: number[] | number[][]) {
  const before = model.stateDict();
  const expected = model.predict(x);
  using network = fold(model, shape);
  const y = network.predict(x);
  expect(y.shape).toEqual(expected.shape);
  expectClose(y.toArray(), expected.toArray(), { scaled: 1e-5 }, 'y');
  expect(network.forward(x).toArray()).toEqual(y.toArray());
  expect(model.stateDict()).toEqual(before);
  const { folded, kept } = network;
  return { folded: folded.map(({ layer, into }) => `${layer} → ${into}`), kept };
}

describe('fold', () => {
  it('into the layer before: linear, convolutions, grouped, depthwise, with and without bias', () => {
    for (const bias of [false, true]) {
      for (const options of [{}, { scale: false }, { center: false }, { affine: false }]) {
        const cases: [Module, Tensor | ReturnType<typeof input>][] = [
          [new Sequential(new Linear(7, 5, { bias }), new BatchNorm1d(5, options)), input(4, 7)],
          [
            new Sequential(
              new Linear(7, 5, { bias }),
              new BatchNorm1d(5, { channelsLast: true, ...options }),
            ),
            input(4, 3, 7),
          ],
          [
            new Sequential(new Conv1d(3, 5, 3, { bias, padding: 1 }), new BatchNorm1d(5, options)),
            input(2, 3, 9),
          ],
          ...[1, 2, 4].map((groups): [Module, ReturnType<typeof input>] => [
            new Sequential(
              new Conv2d(4, 8, 3, { bias, groups, padding: 1 }),
              new BatchNorm2d(8, options),
              new ReLU(),
            ),
            input(2, 4, 6, 5),
          ]),
        ];
        for (const groups of [1, 2]) {
          const conv = new ConvTranspose2d(4, 6, 3, { bias, groups, stride: 2, padding: 1 });
          cases.push([new Sequential(conv, new BatchNorm2d(6, options)), input(2, 4, 5, 3)]);
        }
        for (const [model, x] of cases) {
          expect(folding(settle(model), x)).toEqual({ folded: ['1 → 0'], kept: [] });
          model.dispose();
        }
      }
    }
  });

  it('into the layer after it, if that is exact', () => {
    const zeros = { data: new Float32Array(4), shape: [4] };
    for (const behind of [
      new Conv2d(4, 6, 3, { padding: 1, bias: false }),
      new ConvTranspose2d(4, 6, 3, { groups: 2 }),
    ]) {
      const model = settle(new Sequential(new BatchNorm2d(4), behind));
      expect(folding(model, input(2, 4, 5, 5)).folded).toEqual([]);
      const bn = model.at<BatchNorm2d>(0);
      bn.bias!.assign(zeros);
      bn.runningMean!.assign(zeros);
      expect(folding(model, input(2, 4, 5, 5)).folded).toEqual(['0 → 1']);
    }
    const cases: [Module, ReturnType<typeof input>][] = [
      [new Sequential(new BatchNorm1d(6), new Linear(6, 4)), input(5, 6)],
      [new Sequential(new BatchNorm2d(4), new Conv2d(4, 6, 3, { groups: 2 })), input(2, 4, 5, 5)],
      [new Sequential(new BatchNorm1d(4), new Conv1d(4, 4, 3, { groups: 4 })), input(2, 4, 8)],
      [new Sequential(new BatchNorm2d(3), new Flatten(), new Linear(12, 4)), input(5, 3, 2, 2)],
      [
        new Sequential(
          new BatchNorm2d(3, { channelsLast: true }),
          new Flatten(),
          new Dropout(),
          new Linear(12, 4),
        ),
        input(5, 2, 2, 3),
      ],
    ];
    for (const [model, x] of cases) {
      const last = (model as Sequential).length - 1;
      expect(folding(settle(model), x)).toEqual({ folded: [`0 → ${last}`], kept: [] });
    }
  });

  it('several into one layer, from both sides', () => {
    const model = settle(
      new Sequential(
        new BatchNorm1d(6),
        new Linear(6, 5),
        new BatchNorm1d(5),
        new Dropout(0.3),
        new BatchNorm1d(5),
        new ReLU(),
      ),
    );
    expect(folding(model, input(7, 6))).toEqual({
      folded: ['0 → 1', '2 → 1', '4 → 1'],
      kept: [],
    });
  });

  it('in nested containers and composites of every kind', () => {
    class Block extends Module {
      conv1 = new Conv2d(4, 4, 3, { padding: 1, bias: false });
      bn1 = new BatchNorm2d(4);
      conv2 = new Conv2d(4, 4, 3, { padding: 1, bias: false });
      bn2 = new BatchNorm2d(4);
      relu = new ReLU();
      add = new Add();
      override forward(x: Input): Tensor {
        const y = this.relu.forward(this.bn1.forward(this.conv1.forward(x)));
        return this.relu.forward(this.add.forward([this.bn2.forward(this.conv2.forward(y)), x]));
      }
    }
    const model = settle(
      new Sequential({
        stem: new Sequential(new Conv2d(1, 4, 3), new BatchNorm2d(4), new ReLU()),
        block: new Block(),
        residual: new Residual(
          new Sequential(new Conv2d(4, 6, 1, { bias: false }), new BatchNorm2d(6)),
          new Sequential(new Conv2d(4, 6, 1, { bias: false }), new BatchNorm2d(6)),
        ),
        pool: new GlobalAvgPool(),
        head: new Linear(6, 3),
      }),
    );
    const x = input(2, 1, 8, 8);
    expect(folding(model, x)).toEqual({
      folded: [
        'stem.1 → stem.0',
        'block.bn1 → block.conv1',
        'block.bn2 → block.conv2',
        'residual.body.1 → residual.body.0',
        'residual.shortcut.1 → residual.shortcut.0',
      ],
      kept: [],
    });
    using network = fold(model, x.shape);
    const names = Object.keys(model.stateDict()).filter((name) =>
      /conv|stem.0|0.weight|head/.test(name),
    );
    expect(Object.keys(network.stateDict())).toEqual(expect.arrayContaining(names));
    expect(Object.keys(network.stateDict())).toContain('block.conv1.bias');
    expect(Object.keys(network.stateDict()).join()).not.toMatch(/running|bn/);
    expect(network.training).toBe(false);
  });

  it('keeps what cannot be folded, and says why', () => {
    class Reader extends Module {
      linear = new Linear(3, 3);
      bn = new BatchNorm1d(3);
      add = new Add();
      override forward(x: Input): Tensor {
        const y = this.linear.forward(x);
        return this.add.forward([this.bn.forward(y), y]);
      }
    }
    class Twice extends Module {
      linear = new Linear(3, 3);
      bn = new BatchNorm1d(3);
      relu = new ReLU();
      override forward(x: Input): Tensor {
        const once = this.relu.forward(this.bn.forward(this.linear.forward(x)));
        return this.bn.forward(this.linear.forward(once));
      }
    }
    const far = new Sequential(new Linear(3, 3), new BatchNorm1d(3));
    const wide = new BatchNorm1d(3, { channelsLast: true });
    const cases: [Module, Input, RegExp][] = [
      [
        new BatchNorm1d(3),
        input(4, 3),
        /^it reads the model's input; its output is the model's output$/,
      ],
      [
        new Sequential(new Linear(3, 3), new ReLU(), new BatchNorm1d(3), new ReLU()),
        input(4, 3),
        /^it cannot be folded into ReLU\(\) before it; it cannot be folded into ReLU\(\) after it$/,
      ],
      [
        new Sequential(new BatchNorm2d(2), new Conv2d(2, 2, 3, { padding: 1 })),
        input(1, 2, 4, 4),
        /Conv2d\(2, 2, 3\) after it pads with zeros/,
      ],
      [
        new Sequential(new BatchNorm2d(2), new ConvTranspose2d(2, 2, 3)),
        input(1, 2, 4, 4),
        /ConvTranspose2d\(2, 2, 3\) after it sums fewer inputs at its edges/,
      ],
      [new Reader(), input(4, 3), /the output of Linear\(3, 3\) before it is also read elsewhere/],
      [new Twice(), input(4, 3), /Linear\(3, 3\) before it is used in several places/],
      [
        new Sequential(new Linear(3, 3), new BatchNorm1d(3, { trackRunningStats: false })),
        input(4, 3),
        /^it keeps no running statistics$/,
      ],
      [far, input(4, 3), /^folding would lose precision, because the mean of channel 1 is/],
      [
        new Sequential(new Conv1d(2, 4, 1), wide),
        input(1, 2, 3),
        /its channels do not match those of Conv1d\(2, 4, 1\) before it/,
      ],
    ];
    for (const [model, x, reason] of cases) {
      settle(model);
      if (model === far) far.at<BatchNorm1d>(1).runningMean!.data.set([0, 1e4, 0]);
      const { folded, kept } = folding(model, x);
      expect(folded).toEqual([]);
      expect(kept[0]!.reason).toMatch(reason);
    }
  });

  it('a mean of many standard deviations costs no more than it says', () => {
    const model = settle(new Sequential(new Linear(20, 4), new BatchNorm1d(4)));
    model.at<BatchNorm1d>(1).runningMean!.data.set([60, -30, 50, 5]);
    model.at<Linear>(0).bias!.data.set([60, -30, 50, 5]);
    model.at<BatchNorm1d>(1).runningVar!.data.set([1, 1, 1, 1]);
    expect(folding(model, input(9, 20)).folded).toEqual(['1 → 0']);
  });

  it('tells features from sequences by the shape, or refuses when it runs', () => {
    const model = settle(new Sequential(new Linear(3, 4), new BatchNorm1d(4)));
    using blind = fold(model);
    expect(() => blind.predict(input(2, 4, 3))).toThrow(
      'FoldedNetwork: 0 expected an output [N, C], because a batch norm over axis 1 was folded into it, ' +
        "got [2, 4, 4]: pass the input's shape, fold(model, shape)",
    );
    const { kept } = folding(model, input(2, 4, 3), [2, 4, 3]);
    expect(kept[0]!.reason).toMatch(/its channels do not match those of Linear\(3, 4\) before it/);
  });

  it('takes models of several inputs, and layers of your own', () => {
    class Scale extends Layer {
      factor = new Parameter(Tensor.from([3]));
      outputShape(shape: readonly number[]) {
        return shape;
      }
      compute(x: Float32Array, y: Float32Array, ctx: LayerContext) {
        const [factor] = ctx.values(this.factor);
        for (let i = 0; i < x.length; i++) y[i] = x[i]! * factor!;
      }
      differentiate() {}
    }
    class Two extends Module {
      a = new Linear(3, 4);
      bn = new BatchNorm1d(4);
      scale: Layer = new Scale();
      add = new Add();
      override forward([x, y]: [Tensor, Tensor]): Tensor {
        return this.add.forward([this.bn.forward(this.a.forward(x)), this.scale.forward(y)]);
      }
    }
    const model = settle(new Two());
    const inputs = [input(2, 3), input(2, 4)];
    expect(() => fold(model)).toThrow(/fold: cannot trace Two without a shape/);
    const shapes = inputs.map(({ shape }) => shape);
    expect(folding(model, inputs, shapes).folded).toEqual(['bn → a']);
    using network = fold(model, shapes);
    (model.scale as Scale).factor.data.set([100]);
    const y = network.predict(inputs).toArray();
    (model.scale as Scale).factor.data.set([3]);
    expectClose(y, model.predict(inputs).toArray(), { scaled: 1e-5 });
  });

  it('asks for the shapes where a layer may take several inputs', () => {
    for (const make of [() => new Add(), () => new Sequential(new Add(), new Linear(2, 2))]) {
      expect(() => fold(make())).toThrow(/Add.* may take several inputs.*: pass the shape/);
      const shapes = [
        [3, 2],
        [3, 2],
      ];
      const [a, b] = [input(3, 2), input(3, 2)];
      const model = make();
      expect(fold(model, shapes).predict([a, b])).toEqual(model.predict([a, b]));
    }
  });

  it('keeps a batch norm with a mask', () => {
    class Masked extends Module {
      linear = new Linear(3, 4);
      bn = new MaskedBatchNorm1d(4);
      override forward([x, mask]: [Input, Input]): Tensor {
        return this.bn.forward([this.linear.forward(x), mask]);
      }
    }
    const inputs = [input(3, 3), { data: [1, 0, 1], shape: [3] }];
    expect(folding(settle(new Masked()), inputs, [[3, 3], [3]]).kept).toEqual([
      { layer: 'bn', reason: 'a mask selects the positions that it normalizes' },
    ]);
  });

  it('leaves the generator alone, and outlives the model', () => {
    const model = settle(new Sequential(new Linear(3, 4), new BatchNorm1d(4), new ReLU()));
    const state = defaultGenerator.state;
    const network = fold(model);
    expect(defaultGenerator.state).toEqual(state);
    const x = input(2, 3);
    const expected = model.predict(x).toArray();
    model.dispose();
    expectClose(network.predict(x).toArray(), expected, { scaled: 1e-5 });
    network.dispose();
  });
});
