import { describe, expect, it } from 'vitest';
import {
  Adam,
  Add,
  BatchNorm1d,
  BatchNorm2d,
  BCEWithLogitsLoss,
  Conv2d,
  CrossEntropyLoss,
  Dropout,
  Dropout2d,
  Flatten,
  type Input,
  KLDivLoss,
  Linear,
  LogSoftmax,
  lint,
  Module,
  manualSeed,
  ReLU,
  Renorm,
  Residual,
  Sequential,
  Sigmoid,
  Softmax,
  SpectralNorm,
  summary,
  type Tensor,
  WeightNorm,
} from '../../src/index.ts';
import { TestRandom } from '../support/random.ts';

/** 'layer rule' of each finding. */
const findings = (model: Module, options = {}) =>
  lint(model, options).map(({ layer, rule }) => `${layer} ${rule}`);

const plain = { bias: false };

describe('lint', () => {
  it('finds nothing in a sound model', () => {
    const model = new Sequential(
      new Conv2d(1, 4, 3, plain),
      new BatchNorm2d(4),
      new ReLU(),
      new Flatten(),
      new Linear(16, 8, plain),
      new BatchNorm1d(8),
      new ReLU(),
      new Dropout(0.5),
      new Linear(8, 3),
    );
    expect(lint(model, { batchSize: 16 })).toEqual([]);
    expect(lint(model, { batchSize: 16, shape: [1, 1, 4, 4] })).toEqual([]);
  });

  it('an activation before a loss that contains it', () => {
    const crossEntropy = { loss: new CrossEntropyLoss() };
    const ending = (...layers: Module[]) => new Sequential(new Linear(8, 3), ...layers);
    expect(lint(ending(new Softmax()), crossEntropy)).toEqual([
      {
        layer: '1',
        rule: 'activation-before-loss',
        message:
          'CrossEntropyLoss takes logits, and computes softmax itself: after Softmax(1) it trains badly',
        wayOut:
          'remove the layer, and apply it to what predict returns where you need probabilities',
      },
    ]);
    const rule = 'activation-before-loss';
    expect(findings(ending(new LogSoftmax(), new Flatten()), crossEntropy)).toEqual([`1 ${rule}`]);
    expect(findings(ending(new Sigmoid()), { loss: new BCEWithLogitsLoss() })).toEqual([
      `1 ${rule}`,
    ]);
    expect(findings(ending(new Sigmoid()), crossEntropy)).toEqual([]);
    expect(findings(ending(new LogSoftmax()), { loss: new KLDivLoss() })).toEqual([]);
    expect(findings(ending(new Softmax()))).toEqual([]);
    expect(findings(ending(new Softmax(), new Linear(3, 3)), crossEntropy)).toEqual([]);
  });

  it('a bias before a batch norm, under weight and spectral norm too', () => {
    for (const wrap of [WeightNorm, SpectralNorm] as const) {
      for (const bias of [true, false]) {
        const wrapped = new wrap(new Conv2d(4, 4, 1, { bias }));
        const model = new Sequential(wrapped, new BatchNorm2d(4), new ReLU());
        expect(findings(model)).toEqual(bias ? ['0 bias-before-batch-norm'] : []);
      }
    }
    const ending = new Sequential(new WeightNorm(new Linear(4, 4)), new ReLU());
    expect(findings(ending)).toEqual([]);
  });

  it('a bias before a batch norm', () => {
    const model = new Sequential(
      new Residual(new Sequential(new Conv2d(4, 4, 1), new BatchNorm2d(4), new ReLU())),
      new Flatten(),
      new Linear(16, 8, plain),
    );
    expect(lint(model)).toEqual([
      {
        layer: '0.body.0',
        rule: 'bias-before-batch-norm',
        message:
          'the bias of Conv2d(4, 4, 1) has no effect: 0.body.1 (BatchNorm2d(4)) after it subtracts the ' +
          'mean and adds its own bias',
        wayOut: 'pass { bias: false }',
      },
    ]);
    const frozen = new Sequential(new Linear(3, 3), new BatchNorm1d(3), new Linear(3, 2));
    frozen.at<BatchNorm1d>(1).frozenStatistics = true;
    expect(lint(frozen)).toEqual([]);
    class Reader extends Module {
      linear = new Linear(3, 3);
      bn = new BatchNorm1d(3);
      add = new Add();
      last = new Linear(3, 3);
      override forward(x: Input): Tensor {
        const y = this.linear.forward(x);
        return this.last.forward(this.add.forward([this.bn.forward(y), y]));
      }
    }
    expect(lint(new Reader())).toEqual([]);
    // Behind an activation the bias counts.
    expect(
      lint(new Sequential(new Linear(3, 3), new ReLU(), new BatchNorm1d(3), new Linear(3, 3))),
    ).toEqual([]);
    // Along another axis it does, too.
    const across = new Sequential(new Linear(5, 3), new BatchNorm1d(3), new Linear(3, 2));
    expect(findings(across, { shape: [2, 3, 5] })).toEqual([]);
    expect(findings(across, { shape: [2, 5] })).toEqual(['0 bias-before-batch-norm']);
  });

  it('a batch norm that is last, also behind softmax or another shape', () => {
    const last = (...behind: Module[]) =>
      findings(new Sequential(new Linear(4, 3, plain), new BatchNorm1d(3), ...behind));
    expect(last()).toEqual(['1 batch-norm-last']);
    expect(last(new Softmax())).toEqual(['1 batch-norm-last']);
    expect(last(new Flatten())).toEqual(['1 batch-norm-last']);
    expect(last(new ReLU())).toEqual([]);
    expect(last(new Linear(3, 3))).toEqual([]);
    expect(findings(new BatchNorm1d(3))).toEqual(['0 batch-norm-last']);
  });

  it('a dropout before a batch norm, once for what is behind both', () => {
    const model = new Sequential(
      new Dropout2d(0.1),
      new Conv2d(1, 4, 3, plain),
      new ReLU(),
      new BatchNorm2d(4),
      new Conv2d(4, 4, 3, plain),
      new BatchNorm2d(4),
      new ReLU(),
    );
    expect(findings(model)).toEqual(['3 dropout-before-batch-norm']);
    const none = new Sequential(new Dropout(0), new BatchNorm1d(3), new Linear(3, 2));
    expect(findings(none)).toEqual([]);
  });

  it('a batch too small for its statistics', () => {
    const model = new Sequential(new Conv2d(1, 4, 3, plain), new BatchNorm2d(4), new ReLU());
    expect(findings(model, { batchSize: 15 })).toEqual(['1 small-batch']);
    expect(findings(model, { batchSize: 16 })).toEqual([]);
    const [finding] = lint(model, { batchSize: 2, shape: [1, 1, 5, 5] });
    expect(finding!.message).toBe(
      'BatchNorm2d(4) computes its statistics from 2 samples, 18 values per channel: the variance has an error of ' +
        'at least 34 %',
    );
    const features = new Sequential(new BatchNorm1d(4), new ReLU());
    expect(lint(features, { batchSize: 1, shape: [7, 4] })[0]!.message).toBe(
      'BatchNorm1d(4) computes its statistics from one value per channel, which is an error in training',
    );
    const ghosts = new Sequential(new BatchNorm1d(4, { virtualBatchSize: 8 }), new ReLU());
    expect(lint(ghosts, { batchSize: 64 })[0]!.message).toBe(
      'BatchNorm1d(4) computes its statistics from 8 samples per ghost',
    );
    const renormed = new BatchNorm1d(4, { renorm: new Renorm() });
    expect(findings(new Sequential(renormed, new ReLU()), { batchSize: 4 })).toEqual([]);
    features.at<BatchNorm1d>(0).frozenStatistics = true;
    expect(findings(features, { batchSize: 1 })).toEqual([]);
    expect(() => lint(model, { batchSize: 0 })).toThrow(
      new RangeError('lint: batchSize expected a whole number ≥ 1, got 0'),
    );
  });

  it('needs shapes for several inputs', () => {
    class Two extends Module {
      a = new Linear(3, 4);
      bn = new BatchNorm1d(4);
      add = new Add();
      override forward([x, y]: [Tensor, Tensor]): Tensor {
        return this.add.forward([this.bn.forward(this.a.forward(x)), y]);
      }
    }
    const model = new Two();
    expect(() => lint(model)).toThrow(
      /^lint: cannot trace Two without a shape .*: pass the shape of its input/,
    );
    const shape = [
      [2, 3],
      [2, 4],
    ];
    expect(findings(model, { shape })).toEqual(['a bias-before-batch-norm']);
    expect(summary(model)).not.toContain('has no effect');
    expect(summary(model, shape)).toContain('has no effect');
  });

  it('speaks in summary, too', () => {
    const model = new Sequential(new Linear(4, 3), new BatchNorm1d(3), new ReLU());
    const expected =
      '0: the bias of Linear(4, 3) has no effect: 1 (BatchNorm1d(3)) after it subtracts the mean and ' +
      'adds its own bias (pass { bias: false })';
    expect(summary(model, [2, 4]).split('\n').at(-1)).toBe(expected);
    expect(summary(model).split('\n').at(-1)).toBe(expected);
    model.dispose();
  });
});

describe('placement', () => {
  it('before and after the activation: both train', () => {
    const random = new TestRandom(8);
    const x = { data: random.normals(96 * 6), shape: [96, 6] };
    const labels = Int32Array.from({ length: 96 }, (_, i) => {
      const [a, b] = [x.data[6 * i]!, x.data[6 * i + 1]!];
      return a * b > 0 ? 1 : 0;
    });
    for (const order of ['before', 'after'] as const) {
      manualSeed(3);
      const block = (ins: number, outs: number): Module[] =>
        order === 'before'
          ? [new Linear(ins, outs, plain), new BatchNorm1d(outs), new ReLU()]
          : [new Linear(ins, outs), new ReLU(), new BatchNorm1d(outs)];
      using model = new Sequential(...block(6, 32), ...block(32, 32), new Linear(32, 2));
      expect(lint(model, { batchSize: 96 })).toEqual([]);
      using optimizer = new Adam(model.parameters(), { lr: 0.02 });
      const loss = new CrossEntropyLoss();
      let value = 0;
      for (let step = 0; step < 60; step++) {
        value = loss.forward(model.forward(x), labels);
        optimizer.zeroGrad();
        model.backward(loss.backward());
        optimizer.step();
      }
      expect(value).toBeLessThan(0.05);
    }
  });
});
