/** Options: unknown names, positional values, other kinds; and the messages that say what to write instead. */
import { describe, expect, it } from 'vitest';
import {
  Adam,
  AdamW,
  BatchNorm1d,
  BatchNorm2d,
  BCEWithLogitsLoss,
  Conv2d,
  ConvTranspose2d,
  CosineAnnealingLR,
  CrossEntropyLoss,
  clipGradNorm,
  Dropout,
  ExponentialMovingAverage,
  evaluate,
  GELU,
  type Input,
  init,
  LambdaLR,
  LeakyReLU,
  Linear,
  MaxPool2d,
  Module,
  MSELoss,
  OneCycleLR,
  ReLU,
  Renorm,
  Sequential,
  SGD,
  StepLR,
  Tensor,
  Upsample,
} from '../../src/index.ts';
import { optionsOf } from '../../src/tensor/options.ts';

// biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
type Any = any;

const model = () => new Sequential(new Linear(2, 3));
const p = () => model().parameters();
const sgd = () => new SGD(p());
const wrong = (value: unknown): never => value as never;
/** A class whose constructor takes anything. */
const loose = (Kind: unknown): (new (...args: unknown[]) => Any) => Kind as Any;

describe('options', () => {
  it.each<[string, () => unknown, string]>([
    // names
    [
      'of PyTorch',
      () => new SGD(p(), wrong({ weight_decay: 1 })),
      'SGD: unknown option weight_decay: did you mean weightDecay?',
    ],
    [
      'of another case',
      () => new AdamW(p(), wrong({ weightdecay: 1 })),
      'did you mean weightDecay?',
    ],
    ['misspelt', () => new Adam(p(), wrong({ amsgard: true })), 'did you mean amsgrad?'],
    [
      'of PyTorch in a layer',
      () => new BatchNorm1d(2, wrong({ track_running_stats: false })),
      'BatchNorm1d(2): unknown option track_running_stats: did you mean trackRunningStats?',
    ],
    ['short', () => new BatchNorm1d(2, wrong({ esp: 1 })), 'did you mean eps?'],
    [
      'far from all',
      () => new Linear(2, 3, wrong({ device: 'cpu' })),
      'Linear: unknown option device: expected bias, init',
    ],
    [
      'in a group',
      () => new SGD([wrong({ params: p(), LR: 1 })]),
      'SGD: unknown option LR: did you mean lr?',
    ],
    [
      'of a loss',
      () => new CrossEntropyLoss(wrong({ label_smoothing: 0.1 })),
      'did you mean labelSmoothing?',
    ],
    [
      'of evaluate',
      () => evaluate(model(), wrong([]), undefined, wrong({ batch_size: 3 })),
      'evaluate: unknown option batch_size: did you mean batchSize?',
    ],
    [
      'of loadStateDict',
      () => model().loadStateDict({}, wrong({ strikt: false })),
      'Sequential.loadStateDict: unknown option strikt: did you mean strict?',
    ],
    // positions
    [
      'a number for lr',
      () => new SGD(p(), wrong(0.5)),
      'SGD: options expected an object, got the number 0.5: write { lr: 0.5 }',
    ],
    [
      'a number for stride',
      () => new Conv2d(1, 8, 3, wrong(2)),
      'Conv2d: options expected an object, got the number 2: write { stride: 2 }',
    ],
    [
      'a boolean for bias',
      () => new Linear(3, 2, wrong(false)),
      'Linear: options expected an object, got the boolean false: write { bias: false }',
    ],
    [
      'a string',
      () => new MSELoss(wrong('sum')),
      "MSELoss: options expected an object, got the string sum: write { reduction: 'sum' }",
    ],
    ['of GELU', () => new GELU(wrong('tanh')), "write { approximate: 'tanh' }"],
    [
      'a step size',
      () => new StepLR(sgd(), wrong(30)),
      'StepLR: options expected an object, got the number 30: write { stepSize: 30 }',
    ],
    [
      'two',
      () => new (loose(MaxPool2d))(3, { stride: 2 }, 1),
      'MaxPool2d: expected no further argument, got the number 1',
    ],
    [
      'inplace',
      () => new (loose(ReLU))(true),
      'ReLU: expected no further argument, got the boolean true',
    ],
    [
      'inplace of LeakyReLU',
      () => new (loose(LeakyReLU))(0.2, true),
      'LeakyReLU: options expected an object, got the boolean true',
    ],
    [
      'null',
      () => new BatchNorm1d(2, wrong(null)),
      'BatchNorm1d(2): options expected an object, got null: write { eps, momentum,',
    ],
    [
      'a model',
      () => new BatchNorm1d(2, wrong(model())),
      'options expected an object, got a Sequential',
    ],
    [
      'no options',
      () => new (loose(Upsample))(),
      'Upsample: either scaleFactor or size expected, got neither',
    ],
    // kinds
    [
      'a number for a boolean',
      () => new Linear(2, 3, wrong({ bias: 0 })),
      'Linear: bias expected true or false, got the number 0',
    ],
    [
      'a string for a number',
      () => new BatchNorm2d(2, wrong({ eps: '1e-5' })),
      'eps expected a number, got the string 1e-5',
    ],
    [
      'an infinite number',
      () => new SGD(p(), { lr: Infinity }),
      'SGD: lr expected a finite number, got Infinity',
    ],
    [
      'NaN',
      () => new SGD(p(), { momentum: NaN }),
      'SGD: momentum expected a finite number, got NaN',
    ],
    [
      'one beta',
      () => new Adam(p(), wrong({ betas: 0.9 })),
      'Adam: betas expected two numbers such as [0.9, 0.999], got the number 0.9',
    ],
    [
      'a list of one beta',
      () => new Adam(p(), wrong({ betas: [0.9] })),
      'two numbers such as [0.9, 0.999], got an array of 1',
    ],
    [
      'another reduction',
      () => new MSELoss(wrong({ reduction: 'median' })),
      "MSELoss: reduction expected 'mean' or 'sum' or 'none', got the string median",
    ],
    [
      'no Generator',
      () => new Dropout(0.5, wrong({ generator: Math.random })),
      'Dropout: generator expected a Generator, got a function',
    ],
    [
      'renorm: false',
      () => new BatchNorm1d(2, wrong({ renorm: false })),
      'BatchNorm1d(2): renorm expected new Renorm({ rMax, dMax }), and trackRunningStats, got the boolean false',
    ],
    [
      'a bound',
      () => new Renorm(wrong({ rMax: '3' })),
      'Renorm: rMax expected a number, got the string 3',
    ],
    [
      'a weight of 0',
      () => new BCEWithLogitsLoss(wrong({ weight: 0 })),
      'BCEWithLogitsLoss: weight expected an array or a Tensor, got the number 0',
    ],
    [
      'class weights of strings',
      () => new CrossEntropyLoss(wrong({ weight: ['1', '2'] })),
      'CrossEntropyLoss: weight expected numbers, got the string 1 at [0]',
    ],
    [
      'an output padding',
      () => new ConvTranspose2d(1, 1, 3, wrong({ outputPadding: '1' })),
      'outputPadding expected a number, got the string 1',
    ],
    [
      'center',
      () => new BatchNorm1d(2, wrong({ center: 1 })),
      'center expected true or false, got the number 1',
    ],
    [
      'a gain',
      () => init.xavierUniform(p()[0]!, wrong({ gain: '2' })),
      'init.xavierUniform: gain expected a number, got the string 2',
    ],
    // other arguments
    [
      'a model for an optimizer',
      () => new StepLR(wrong(model()), { stepSize: 2 }),
      'StepLR: optimizer expected an Optimizer, got a Sequential',
    ],
    [
      'no function',
      () => new LambdaLR(sgd(), wrong(undefined)),
      'LambdaLR: factor expected a function, got undefined',
    ],
    [
      'no tMax',
      () => new (loose(CosineAnnealingLR))(sgd()),
      'CosineAnnealingLR: tMax expected a number, got undefined',
    ],
    [
      'no maxLr',
      () => new OneCycleLR(sgd(), wrong({ totalSteps: 9 })),
      'OneCycleLR: maxLr expected a number, got undefined',
    ],
    [
      'no milestones',
      () => new OneCycleLR(sgd(), wrong({ maxLr: 'a', totalSteps: 9 })),
      'OneCycleLR: maxLr expected a number, got the string a',
    ],
    [
      'no state dict',
      () => model().loadStateDict(wrong(null)),
      'Sequential.loadStateDict: expected tensors by name, got null',
    ],
    [
      'a state of null',
      () => sgd().loadStateDict(wrong({ state: null })),
      'SGD.loadStateDict: expected { state, param_groups } as stateDict() returns it, got a Object',
    ],
    [
      'no model',
      () => new ExponentialMovingAverage(wrong(p())),
      'ExponentialMovingAverage: model expected a Module, got an array of 2',
    ],
    [
      'a model to clip',
      () => clipGradNorm(wrong(model()), 1),
      'clipGradNorm: parameters expected a list, got a Sequential: pass model.parameters()',
    ],
    [
      'a model to train',
      () => new SGD(wrong(model())),
      'SGD: params expected model.parameters() or groups, got a Sequential',
    ],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(message);
  });

  it('are what they were told, and else the defaults, each read once', () => {
    let reads = 0;
    const given = {
      get a() {
        return reads++;
      },
      b: undefined,
    };
    const table = { a: 5, b: true, c: ['x', 'y'], d: [1, 2], e: undefined } as const;
    expect(optionsOf<Any>('who', [given], table)).toEqual({
      a: 0,
      b: true,
      c: 'x',
      d: [1, 2],
      e: undefined,
    });
    expect(reads).toBe(1);
    expect(optionsOf<Any>('who', [undefined, undefined], { a: 5 })).toEqual({ a: 5 });
    expect(optionsOf<Any>('who', [Object.create(null)], { a: 5 })).toEqual({ a: 5 });
  });

  it('leave a list that the caller changes later as it was', () => {
    const betas: [number, number] = [0.5, 0.6];
    const optimizer = new Adam(p(), { betas });
    betas[0] = 7;
    expect(optimizer.groups[0]!.betas).toEqual([0.5, 0.6]);
  });

  it('of optimizers are those of the class where they are left out', () => {
    expect(new AdamW(p()).groups[0]!.weightDecay).toBe(0.01);
    expect(new AdamW(p(), { weightDecay: 0 }).groups[0]!.weightDecay).toBe(0);
    expect(new Adam(p()).groups[0]!.weightDecay).toBe(0);
    class Mine extends AdamW {}
    expect(new Mine(p()).groups[0]!.weightDecay).toBe(0.01);
  });

  it('that an optimizer loads are checked like its own', () => {
    const optimizer = new SGD(p(), { lr: 0.1, momentum: 0.9 });
    for (const [name, value] of Object.entries({ lr: NaN, nesterov: 1, momentum: '0' })) {
      const param_groups = [{ params: [0, 1], lr: 0.5, [name]: value }];
      expect(() => optimizer.loadStateDict({ state: {}, param_groups })).toThrow(
        `${name} expected`,
      );
      expect(optimizer.lr).toBe(0.1);
    }
  });
});

describe('a constant in a forward', () => {
  class Constant extends Module {
    readonly linear = new Linear(2, 2);
    override forward(_: Input): Tensor {
      return this.linear.forward(Tensor.zeros([3, 2]));
    }
  }

  it('is an error that says so', () => {
    expect(() => new Constant().forward(Tensor.zeros([3, 2]))).toThrow(
      'Constant: forward must return the tensor that its layers gave, got a Result: ' +
        'pass only tensors that come from its argument',
    );
  });
});
