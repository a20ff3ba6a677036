/**
 * What every public constructor and function does with arguments of the wrong kind: an error of evenkeel's
 * own that names the class, and never a TypeError of the engine or a silent success.
 */
import { describe, expect, it } from 'vitest';
import * as data from '../../src/data/index.ts';
import * as evenkeel from '../../src/index.ts';
import * as inspect from '../../src/inspect/index.ts';
import * as keras from '../../src/keras/index.ts';
import * as onnx from '../../src/onnx/index.ts';
import * as state from '../../src/state/index.ts';
import * as threads from '../../src/threads/index.ts';
import * as whitening from '../../src/whitening/index.ts';
import * as worker from '../../src/worker/index.ts';

const E = evenkeel;

class Mine extends E.Sequential {}
const model = () => new E.Sequential(new E.Linear(2, 3), new E.BatchNorm1d(3));
const parameters = () => model().parameters();
const sgd = () => new E.SGD(parameters(), { lr: 0.1 });
const x = () => E.Tensor.zeros([4, 2]);
const y = () => E.Tensor.zeros([4, 3]);
const report = () => inspect.watch(model()).report();
const set = () => ({ inputs: x(), targets: [0, 1, 2, 0] });

/** Values of every kind; each argument refuses those that are not `good` for it. */
const WRONG: Record<string, () => unknown> = {
  null: () => null,
  string: () => 'abc',
  number: () => 0.5,
  negative: () => -1,
  NaN: () => NaN,
  infinity: () => Infinity,
  bigint: () => 3n,
  true: () => true,
  symbol: () => Symbol('s'),
  object: () => ({}),
  odd: () => ({ odd: 1 }),
  array: () => [],
  strings: () => ['a', 'b', 'c'],
  function: () => () => NaN,
  map: () => new Map(),
  model,
  optimizer: sgd,
  parameters,
  tensor: y,
  bytes: () => new Uint8Array(3),
};

type Make = () => unknown;
interface Case {
  /** A call that works. */
  readonly args: readonly Make[];
  /** By argument: the wrong values that it takes after all. */
  readonly good?: readonly string[][];
  readonly call: (...args: never[]) => unknown;
}

const make = (Kind: unknown, args: readonly Make[], good: string[][] = []): Case => ({
  args,
  good,
  call: (...all) => new (Kind as new (...args: never[]) => unknown)(...all),
});
const call = (action: unknown, args: readonly Make[], good: string[][] = []): Case => ({
  args,
  good,
  call: action as Case['call'],
});
const on = (target: Make, method: string, args: readonly Make[], good: string[][] = []): Case => ({
  args,
  good,
  call: (...all) => (target() as Record<string, (...args: never[]) => unknown>)[method]!(...all),
});

const two = () => 2;
/** Targets of `y`. */
const labels = () => [0, 1, 2, 0];
const none = () => undefined;
/** `{}` is good where options may be left out. */
const OPTIONS = ['object'];
/** Values by names of the user's choice. */
const OPTIONS_OF_ANY_NAME = ['object', 'odd'];
const FINITE = ['number', 'negative'];
/** A tensor, or any number. */
const NUMBERS = [...FINITE, 'NaN', 'infinity', 'tensor'];

const fitted = () => new data.StandardScaler().fit(E.Tensor.from([1, 2, 3, 4], [2, 2]));
const parameter = () => new E.Parameter(E.Tensor.zeros([2, 3]));

const CASES: Record<string, Case | Case[]> = {
  scope: call(E.scope, [() => () => 1], [['function']]),
  observe: call(inspect.observe, [model, () => () => {}, none], [['model'], ['function'], OPTIONS]),
  detectAnomaly: call(inspect.detectAnomaly, [model], [['model']]),
  watch: call(inspect.watch, [model, none], [['model'], OPTIONS]),
  gradcheck: call(inspect.gradcheck, [model, () => [4, 2], none], [['model'], [], OPTIONS]),
  diagnose: call(inspect.diagnose, [report]),
  reportToJSON: call(inspect.reportToJSON, [report]),
  reportFromJSON: call(inspect.reportFromJSON, [() => inspect.reportToJSON(report())]),
  // layers
  Linear: make(E.Linear, [two, two, none], [[], [], OPTIONS]),
  Conv1d: make(E.Conv1d, [two, two, two, none], [[], [], [], OPTIONS]),
  Conv2d: make(E.Conv2d, [two, two, two, none], [[], [], [], OPTIONS]),
  Conv3d: make(E.Conv3d, [two, two, two, none], [[], [], [], OPTIONS]),
  ConvTranspose1d: make(E.ConvTranspose1d, [two, two, two, none], [[], [], [], OPTIONS]),
  ConvTranspose2d: make(E.ConvTranspose2d, [two, two, two, none], [[], [], [], OPTIONS]),
  ReLU: make(E.ReLU, [none]),
  ReLU6: make(E.ReLU6, [none]),
  LeakyReLU: make(E.LeakyReLU, [two, none], [FINITE, OPTIONS]),
  Hardtanh: make(
    E.Hardtanh,
    [() => 0, two, none],
    [FINITE.concat('infinity'), FINITE.concat('infinity')],
  ),
  Hardsigmoid: make(E.Hardsigmoid, [none]),
  Hardswish: make(E.Hardswish, [none]),
  Softplus: make(E.Softplus, [none], [OPTIONS]),
  Softsign: make(E.Softsign, [none]),
  Mish: make(E.Mish, [none]),
  SELU: make(E.SELU, [none]),
  GLU: make(E.GLU, [two, none], [['negative']]),
  PReLU: make(E.PReLU, [two, none], [[], OPTIONS]),
  Sigmoid: make(E.Sigmoid, [none]),
  Tanh: make(E.Tanh, [none]),
  GELU: make(E.GELU, [none], [OPTIONS]),
  SiLU: make(E.SiLU, [none]),
  ELU: make(E.ELU, [two, none], [FINITE]),
  Softmax: make(E.Softmax, [two, none], [['negative']]),
  LogSoftmax: make(E.LogSoftmax, [two, none], [['negative']]),
  MaxPool1d: make(E.MaxPool1d, [two, none], [[], OPTIONS]),
  MaxPool2d: make(E.MaxPool2d, [two, none], [[], OPTIONS]),
  MaxPool3d: make(E.MaxPool3d, [two, none], [[], OPTIONS]),
  AvgPool1d: make(E.AvgPool1d, [two, none], [[], OPTIONS]),
  AvgPool2d: make(E.AvgPool2d, [two, none], [[], OPTIONS]),
  AvgPool3d: make(E.AvgPool3d, [two, none], [[], OPTIONS]),
  AdaptiveAvgPool1d: make(E.AdaptiveAvgPool1d, [two, none]),
  AdaptiveAvgPool2d: make(E.AdaptiveAvgPool2d, [two, none]),
  AdaptiveMaxPool1d: make(E.AdaptiveMaxPool1d, [two, none]),
  AdaptiveMaxPool2d: make(E.AdaptiveMaxPool2d, [two, none]),
  GlobalAvgPool: make(E.GlobalAvgPool, [none]),
  Flatten: make(E.Flatten, [two, two, none], [['negative'], ['negative']]),
  Unflatten: make(E.Unflatten, [two, () => [2], none], [['negative'], ['array']]),
  Identity: make(E.Identity, [none]),
  Permute: make(E.Permute, [() => [1, 0], none]),
  ConstantPad2d: make(E.ConstantPad2d, [two, two, none], [['negative'], FINITE.concat('infinity')]),
  ZeroPad2d: make(E.ZeroPad2d, [two, none], [['negative']]),
  Embedding: make(E.Embedding, [two, two, none], [[], [], OPTIONS]),
  RNN: make(E.RNN, [two, two, none], [[], [], OPTIONS]),
  LSTM: make(E.LSTM, [two, two, none], [[], [], OPTIONS]),
  GRU: make(E.GRU, [two, two, none], [[], [], OPTIONS]),
  MultiheadAttention: make(E.MultiheadAttention, [two, two, none], [[], [], OPTIONS]),
  TransformerEncoderLayer: make(E.TransformerEncoderLayer, [two, two, none], [[], [], OPTIONS]),
  PixelShuffle: make(E.PixelShuffle, [two, none]),
  ReflectionPad2d: make(E.ReflectionPad2d, [two, none]),
  Dropout1d: make(E.Dropout1d, [() => 0.5, none], [['number'], OPTIONS]),
  Dropout: make(E.Dropout, [() => 0.5, none], [['number'], OPTIONS]),
  Dropout2d: make(E.Dropout2d, [() => 0.5, none], [['number'], OPTIONS]),
  Upsample: make(E.Upsample, [() => ({ size: 2 })]),
  BatchNorm1d: make(E.BatchNorm1d, [two, none], [[], OPTIONS]),
  BatchNorm2d: make(E.BatchNorm2d, [two, none], [[], OPTIONS]),
  BatchNorm3d: make(E.BatchNorm3d, [two, none], [[], OPTIONS]),
  MaskedBatchNorm1d: make(E.MaskedBatchNorm1d, [two, none], [[], OPTIONS]),
  MaskedBatchNorm2d: make(E.MaskedBatchNorm2d, [two, none], [[], OPTIONS]),
  MaskedBatchNorm3d: make(E.MaskedBatchNorm3d, [two, none], [[], OPTIONS]),
  LayerNorm: make(E.LayerNorm, [two, none], [[], OPTIONS]),
  RMSNorm: make(E.RMSNorm, [two, none], [[], OPTIONS]),
  GroupNorm: make(E.GroupNorm, [two, two, none], [[], [], OPTIONS]),
  InstanceNorm1d: make(E.InstanceNorm1d, [two, none], [[], OPTIONS]),
  InstanceNorm2d: make(E.InstanceNorm2d, [two, none], [[], OPTIONS]),
  InstanceNorm3d: make(E.InstanceNorm3d, [two, none], [[], OPTIONS]),
  LocalResponseNorm: make(E.LocalResponseNorm, [two, none], [[], OPTIONS]),
  WeightNorm: make(E.WeightNorm, [() => new E.Linear(2, 2), none]),
  SpectralNorm: make(E.SpectralNorm, [() => new E.Linear(2, 2), none], [[], OPTIONS]),
  Normalization: [
    make(E.Normalization, [two, none], [[], OPTIONS]),
    on(() => new E.Normalization(2), 'set', [fitted]),
  ],
  Renorm: make(E.Renorm, [none], [OPTIONS]),
  Add: make(E.Add, [none]),
  Multiply: make(E.Multiply, [none]),
  Concat: make(E.Concat, [two, none]),
  Residual: make(E.Residual, [model, model, none], [['model'], ['model']]),
  GraphModule: make(
    E.GraphModule,
    [() => [{ name: 'a', layer: model(), inputs: ['x'] }], () => ({ inputs: ['x'] })],
    [['array'], ['object']],
  ),
  Sequential: [
    make(E.Sequential, [model], [['model', 'object', 'array', 'map']]),
    on(model, 'at', [() => 0], [['negative']]),
    on(model, 'set', [() => 0, () => new E.ReLU()], [['negative'], ['model']]),
    on(model, 'insert', [() => 0, () => new E.ReLU()], [['negative'], ['model']]),
    on(model, 'append', [() => new E.ReLU()], [['model']]),
  ],

  // operations on tensors
  ...Object.fromEntries(
    (['add', 'sub', 'mul', 'div', 'maximum', 'minimum'] as const).map((name) => [
      name,
      call(E[name], [y, y], [NUMBERS, NUMBERS]),
    ]),
  ),
  ...Object.fromEntries(
    (
      [
        'neg',
        'abs',
        'square',
        'sqrt',
        'rsqrt',
        'exp',
        'log',
        'sigmoid',
        'tanh',
        'relu',
        'detach',
      ] as const
    ).map((name) => [name, call(E[name], [y], [NUMBERS])]),
  ),
  where: call(E.where, [y, y, y], [NUMBERS, NUMBERS, NUMBERS]),
  clamp: call(E.clamp, [y, none], [NUMBERS, OPTIONS]),
  ...Object.fromEntries(
    (['sum', 'mean', 'max', 'variance'] as const).map((name) => [
      name,
      call(E[name], [y, () => 0, none], [['tensor'], ['negative'], OPTIONS]),
    ]),
  ),
  softmax: call(E.softmax, [y, () => 1], [['tensor'], ['negative']]),
  logSoftmax: call(E.logSoftmax, [y, () => 1], [['tensor'], ['negative']]),
  reshape: call(E.reshape, [y, () => [12]], [['tensor']]),
  squeeze: call(E.squeeze, [y, none], [NUMBERS, ['negative']]),
  unsqueeze: call(E.unsqueeze, [y, two], [['tensor'], ['negative']]),
  permute: call(E.permute, [y, () => [1, 0]], [['tensor']]),
  transpose: call(E.transpose, [y, () => 0, () => 1], [['tensor'], ['negative'], ['negative']]),
  expand: call(E.expand, [y, () => [2, 4, 3]], [NUMBERS]),
  concat: call(E.concat, [() => [y()], none], [[], ['negative']]),
  stack: call(E.stack, [() => [y()], none], [[], ['negative']]),
  slice: call(
    E.slice,
    [y, () => 0, () => 0, two, none],
    [['tensor'], ['negative'], ['negative'], ['negative'], OPTIONS],
  ),
  split: call(E.split, [y, two, none], [['tensor'], [], ['negative']]),
  matmul: call(E.matmul, [y, () => E.Tensor.zeros([3, 2])], [['tensor']]),
  embedding: call(E.embedding, [() => ({ data: [0], shape: [1] }), y], [['tensor'], ['tensor']]),
  randn: call(E.randn, [() => [2], none], [['array'], OPTIONS]),
  rand: call(E.rand, [() => [2], none], [['array'], OPTIONS]),
  bernoulli: call(E.bernoulli, [y, none], [NUMBERS, OPTIONS]),

  // losses
  CrossEntropyLoss: [
    make(E.CrossEntropyLoss, [none], [OPTIONS]),
    on(
      () => new E.CrossEntropyLoss(),
      'forward',
      [y, () => [0, 1, 2, 0]],
      [['tensor'], ['tensor']],
    ),
  ],
  MSELoss: [
    make(E.MSELoss, [none], [OPTIONS]),
    on(() => new E.MSELoss(), 'forward', [y, y], [['tensor'], ['tensor']]),
    on(
      () => {
        const loss = new E.MSELoss();
        loss.forward(y(), y());
        return loss;
      },
      'backward',
      [two],
      [FINITE],
    ),
  ],
  L1Loss: make(E.L1Loss, [none], [OPTIONS]),
  HuberLoss: make(E.HuberLoss, [none], [OPTIONS]),
  BCEWithLogitsLoss: make(E.BCEWithLogitsLoss, [none], [OPTIONS]),
  KLDivLoss: make(E.KLDivLoss, [none], [OPTIONS]),
  SmoothL1Loss: make(E.SmoothL1Loss, [none], [OPTIONS]),
  NLLLoss: [
    make(E.NLLLoss, [none], [OPTIONS]),
    on(() => new E.NLLLoss(), 'forward', [y, () => [0, 1, 2, 0]], [['tensor'], ['tensor']]),
  ],
  BCELoss: [
    make(E.BCELoss, [none], [OPTIONS]),
    on(() => new E.BCELoss(), 'forward', [y, y], [['tensor'], ['tensor']]),
  ],
  GaussianNLLLoss: [
    make(E.GaussianNLLLoss, [none], [OPTIONS]),
    on(() => new E.GaussianNLLLoss(), 'forward', [() => [y(), y()], y], [[], ['tensor']]),
  ],
  CosineEmbeddingLoss: [
    make(E.CosineEmbeddingLoss, [none], [OPTIONS]),
    on(() => new E.CosineEmbeddingLoss(), 'forward', [() => [y(), y()], () => [1, -1, 1, 1]]),
  ],
  TripletMarginLoss: [
    make(E.TripletMarginLoss, [none], [OPTIONS]),
    on(() => new E.TripletMarginLoss(), 'forward', [() => [y(), y(), y()]]),
  ],

  Loss: make(E.Loss, []),
  lossOf: call(E.lossOf, [() => () => 1, none], [['function'], OPTIONS]),

  // optimizers and schedules
  SGD: [
    make(E.SGD, [parameters, none], [['parameters'], OPTIONS]),
    on(sgd, 'loadStateDict', [() => sgd().stateDict()]),
    on(sgd, 'addParamGroup', [() => ({ params: parameters() })]),
  ],
  Adam: make(E.Adam, [parameters, none], [['parameters'], OPTIONS]),
  AdamW: make(E.AdamW, [parameters, none], [['parameters'], OPTIONS]),
  RMSprop: make(E.RMSprop, [parameters, none], [['parameters'], OPTIONS]),
  NAdam: make(E.NAdam, [parameters, none], [['parameters'], OPTIONS]),
  RAdam: make(E.RAdam, [parameters, none], [['parameters'], OPTIONS]),
  Adagrad: make(E.Adagrad, [parameters, none], [['parameters'], OPTIONS]),
  Lion: make(E.Lion, [parameters, none], [['parameters'], OPTIONS]),
  StepLR: [
    make(E.StepLR, [sgd, () => ({ stepSize: 2 })], [['optimizer']]),
    on(() => new E.StepLR(sgd(), { stepSize: 2 }), 'moveTo', [two]),
    on(() => new E.StepLR(sgd(), { stepSize: 2 }), 'loadStateDict', [
      () => ({ count: 1, baseLrs: [0.1] }),
    ]),
  ],
  MultiStepLR: make(E.MultiStepLR, [sgd, () => ({ milestones: [2] })], [['optimizer']]),
  ExponentialLR: make(E.ExponentialLR, [sgd, () => ({ gamma: 0.5 })], [['optimizer']]),
  LambdaLR: make(E.LambdaLR, [sgd, () => () => 1, none], [['optimizer'], ['function'], OPTIONS]),
  CosineAnnealingLR: make(E.CosineAnnealingLR, [sgd, () => ({ tMax: 2 })], [['optimizer']]),
  DecayToFloor: make(E.DecayToFloor, [sgd, () => ({ min: 0, speed: 1 })], [['optimizer']]),
  LinearWarmup: make(E.LinearWarmup, [sgd, () => ({ steps: 2 })], [['optimizer']]),
  OneCycleLR: make(E.OneCycleLR, [sgd, () => ({ maxLr: 1, totalSteps: 9 })], [['optimizer']]),
  PolynomialLR: make(E.PolynomialLR, [sgd, none], [['optimizer'], OPTIONS]),
  CosineAnnealingWarmRestarts: make(
    E.CosineAnnealingWarmRestarts,
    [sgd, () => ({ t0: 2 })],
    [['optimizer']],
  ),
  CyclicLR: make(E.CyclicLR, [sgd, () => ({ baseLr: 0, maxLr: 1 })], [['optimizer']]),
  ReduceLROnPlateau: [
    make(E.ReduceLROnPlateau, [sgd, none], [['optimizer'], OPTIONS]),
    on(() => new E.ReduceLROnPlateau(sgd()), 'loadStateDict', [
      () => new E.ReduceLROnPlateau(sgd()).stateDict(),
    ]),
  ],
  AveragedModel: [
    make(E.AveragedModel, [model, none], [['model'], OPTIONS]),
    on(() => new E.AveragedModel(model()), 'loadStateDict', [
      () => new E.AveragedModel(model()).stateDict(),
    ]),
  ],
  ExponentialMovingAverage: [
    make(E.ExponentialMovingAverage, [model, none], [['model'], OPTIONS]),
    on(() => new E.ExponentialMovingAverage(model()), 'loadStateDict', [
      () => new E.ExponentialMovingAverage(model()).stateDict(),
    ]),
    on(() => new E.ExponentialMovingAverage(model()), 'during', [() => () => 1], [['function']]),
  ],
  clipGradNorm: call(
    E.clipGradNorm,
    [parameters, () => 1, none],
    [['parameters', 'array'], ['number', 'infinity'], OPTIONS],
  ),
  clipGradValue: call(
    E.clipGradValue,
    [parameters, () => 1],
    [
      ['parameters', 'array'],
      ['number', 'infinity'],
    ],
  ),
  gradNorm: call(E.gradNorm, [parameters, none], [['parameters', 'array'], OPTIONS]),

  // modules and tensors
  Module: [
    on(model, 'forward', [x]),
    on(model, 'predict', [x]),
    on(
      () => {
        const m = model();
        m.forward(x());
        return m;
      },
      'backward',
      [y],
      [['tensor']],
    ),
    on(model, 'loadStateDict', [() => model().stateDict(), none], [[], OPTIONS]),
    on(model, 'train', [() => true], [['true']]),
    on(model, 'freeze', [none], [OPTIONS]),
  ],
  Buffer: make(E.Buffer, [x], [['tensor']]),
  Parameter: [
    make(E.Parameter, [x], [['tensor']]),
    on(parameter, 'assign', [() => E.Tensor.zeros([2, 3])]),
  ],
  Tensor: [
    call(
      E.Tensor.from,
      [() => [1, 2], () => [2]],
      [FINITE.concat('NaN', 'infinity', 'array', 'bytes')],
    ),
    call(E.Tensor.zeros, [() => [2]], [['array']]),
    on(() => E.Tensor.zeros([4, 3]), 'set', [y], [['tensor']]),
  ],
  Generator: [
    make(E.Generator, [two]),
    on(() => new E.Generator(), 'manualSeed', [two]),
    on(() => new E.Generator(), 'permutation', [two]),
    on(() => new E.Generator(), 'normal', [() => [2], none], [['array'], OPTIONS]),
    on(() => new E.Generator(), 'uniform', [() => [2], none], [['array'], OPTIONS]),
    on(() => new E.Generator(), 'integers', [() => [2], two, none], [['array'], [], OPTIONS]),
    call(
      (value: never) => {
        new E.Generator().state = value;
      },
      [() => ({ seed: 1, counter: 0 })],
    ),
  ],
  manualSeed: call(E.manualSeed, [two]),
  init: [
    ...(['zeros', 'ones'] as const).map((name) => call(E.init[name], [parameter])),
    call(E.init.constant, [parameter, two], [[], FINITE]),
    ...(['uniform', 'normal'] as const).map((name) =>
      call(E.init[name], [parameter, two, () => 3, none], [[], FINITE, FINITE]),
    ),
    ...(
      [
        'kaimingUniform',
        'kaimingNormal',
        'xavierUniform',
        'xavierNormal',
        'orthogonal',
        'truncatedNormal',
      ] as const
    ).map((name) => call(E.init[name], [parameter, none], [[], OPTIONS])),
    call(E.init.gain, [() => 'leakyRelu', two], [[], FINITE]),
    call(E.init.fans, [() => [2, 3]]),
  ],

  // around them
  evaluate: call(
    E.evaluate,
    [model, set, () => new E.CrossEntropyLoss(), none],
    [['model'], [], [], OPTIONS],
  ),
  fit: call(
    async (...args: never[]) => {
      for await (const _ of (E.fit as (...args: never[]) => AsyncIterable<unknown>)(...args));
    },
    [model, set, () => ({ loss: new E.CrossEntropyLoss(), optimizer: sgd() })],
    [['model'], []],
  ),
  accuracy: call(E.accuracy, [y, () => [0, 1, 2, 0]], [['tensor'], []]),
  confusionMatrix: call(E.confusionMatrix, [y, labels, none], [['tensor'], [], OPTIONS]),
  precision: call(E.precision, [y, labels, none], [['tensor'], [], OPTIONS]),
  recall: call(E.recall, [y, labels, none], [['tensor'], [], OPTIONS]),
  f1Score: [
    call(E.f1Score, [y, labels, none], [['tensor'], [], OPTIONS]),
    call(E.f1Score.with, [none], [OPTIONS]),
  ],
  topKAccuracy: call(E.topKAccuracy, [y, labels, () => ({ k: 2 })], [['tensor'], [], OPTIONS]),
  binaryAccuracy: call(
    E.binaryAccuracy,
    [y, () => new Array(12).fill(1), none],
    [['tensor'], ['tensor'], OPTIONS],
  ),
  meanAbsoluteError: call(E.meanAbsoluteError, [y, y, none], [['tensor'], ['tensor'], OPTIONS]),
  r2Score: call(E.r2Score, [y, y, none], [['tensor'], ['tensor'], OPTIONS]),
  metricOf: call(E.metricOf, [() => ({ tally: () => [1, 1], result: () => 1 })]),
  argmax: call(E.argmax, [y], [['tensor']]),
  summary: call(E.summary, [model, () => [4, 2]], [['model']]),
  lint: call(E.lint, [model, none], [['model'], OPTIONS]),
  fold: call(E.fold, [model, () => [4, 2]], [['model']]),
  graphOf: call(E.graphOf, [model, () => [4, 2]], [['model']]),
  recomputeStatistics: call(E.recomputeStatistics, [model, x, none], [['model'], [], OPTIONS]),
  adaptStatistics: call(E.adaptStatistics, [model, x, none], [['model'], [], OPTIONS]),
  useModule: call(E.useModule, [none]),
  useDirectConvolutions: call(E.useDirectConvolutions, []),

  // the subpaths
  batches: call(data.batches, [set, none], [[], OPTIONS]),
  augment: [
    call(data.augment, [none], [OPTIONS]),
    on(() => data.augment(), 'apply', [x], [['tensor']]),
  ],
  randomSplit: call(data.randomSplit, [set, () => [0.5, 0.5], none], [[], [], OPTIONS]),
  fromImageData: call(
    data.fromImageData,
    [() => ({ data: new Uint8Array(4), width: 1, height: 1 }), none],
    [[], OPTIONS],
  ),
  readIdx: call(data.readIdx, [() => Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 5)]),
  StandardScaler: [
    make(data.StandardScaler, [none], [OPTIONS]),
    on(() => new data.StandardScaler(), 'fit', [x], [['tensor']]),
    on(fitted, 'transform', [x]),
    on(fitted, 'inverse', [x]),
    on(fitted, 'partialFit', [x]),
    on(fitted, 'loadStateDict', [() => fitted().stateDict()]),
  ],
  MinMaxScaler: make(data.MinMaxScaler, [none], [OPTIONS]),
  toONNX: call(onnx.toONNX, [model, () => ({ inputShape: [1, 2] })], [['model']]),
  fromONNX: call(
    onnx.fromONNX,
    [() => onnx.toONNX(model(), { inputShape: [1, 2] }), none],
    [[], OPTIONS],
  ),
  saveSafetensors: call(
    state.saveSafetensors,
    [() => ({ a: x() }), none, none],
    [['object'], OPTIONS, OPTIONS],
  ),
  safetensorsChunks: call(
    state.safetensorsChunks,
    [() => ({ a: x() }), none, none],
    [['object'], OPTIONS, OPTIONS],
  ),
  saveCheckpoint: call(
    state.saveCheckpoint,
    [() => ({ model: model() }), none],
    [['object'], OPTIONS_OF_ANY_NAME],
  ),
  loadCheckpoint: call(state.loadCheckpoint, [() => state.saveCheckpoint({}), none], [[], OPTIONS]),
  checkpointStore: [
    call(state.checkpointStore, [() => 'a name', none], [['string'], OPTIONS]),
    on(() => state.checkpointStore('no/such/folder/x'), 'read', []),
  ],
  loadSafetensors: call(state.loadSafetensors, [() => state.saveSafetensors({ a: x() })]),
  readSafetensors: call(state.readSafetensors, [() => [state.saveSafetensors({ a: x() })]]),
  averageStates: call(state.averageStates, [() => [{ a: x() }], none]),
  toJSON: call(state.toJSON, [model, none], [['model'], OPTIONS]),
  fromJSON: call(state.fromJSON, [() => state.toJSON(model()), none], [[], OPTIONS]),
  saveModel: call(state.saveModel, [model, none], [['model'], OPTIONS]),
  loadModel: call(state.loadModel, [() => state.saveModel(model())]),
  register: call(state.register, [() => 'Mine', () => Mine, none], [['string'], [], OPTIONS]),
  toPyTorch: call(state.toPyTorch, [model, none], [['model'], OPTIONS]),
  toLayersModel: call(keras.toLayersModel, [model, none], [['model'], OPTIONS]),
  fromLayersModel: call(
    keras.fromLayersModel,
    [
      () => keras.toLayersModel(model()).modelJson,
      () => keras.toLayersModel(model()).weights,
      none,
    ],
    [[], [], OPTIONS],
  ),
  Rescaling: make(
    keras.Rescaling,
    [() => 0.5, () => -1],
    [
      ['number', 'negative'],
      ['number', 'negative'],
    ],
  ),
  PCA: [
    make(whitening.PCA, [none], [OPTIONS]),
    on(() => new whitening.PCA(), 'fit', [x], [['tensor']]),
    on(() => new whitening.PCA(), 'loadStateDict', [
      () => new whitening.PCA().fit(x()).stateDict(),
    ]),
  ],
  ZCA: make(whitening.ZCA, [none], [OPTIONS]),
  train: call(
    worker.train,
    [() => ({ postMessage() {}, addEventListener() {}, removeEventListener() {} }), none, none],
    [[], Object.keys(WRONG).filter((kind) => !['model', 'optimizer'].includes(kind)), OPTIONS],
  ),
  serve: call(
    worker.serve,
    [() => () => ({}), () => ({ postMessage() {}, addEventListener() {} })],
    [['function']],
  ),
  useThreads: call(threads.useThreads, [() => 1, none], [[], OPTIONS]),
};

/** Messages of V8 about values of the wrong kind. */
const ENGINE =
  /Cannot (read|destructure|convert|mix|set)|is not (a function|iterable|defined|a constructor|extensible)|undefined \(|Maximum call|Invalid (array|typed)|is not an object|Reduce of|is read-only|is not a/;

describe.each(Object.entries(CASES))('%s', (name, cases) => {
  for (const [index, { args, good = [], call }] of [cases].flat().entries()) {
    const values = () => args.map((value) => value()) as never[];
    if (name !== 'useModule') {
      it(`${index}: takes what it is meant for`, async () => {
        await call(...values());
      });
    }
    for (const place of args.keys()) {
      it(`${index}: refuses what argument ${place + 1} cannot be`, async () => {
        const faults: string[] = [];
        for (const [kind, wrong] of Object.entries(WRONG)) {
          if (good[place]?.includes(kind)) continue;
          const all = values();
          all[place] = wrong() as never;
          try {
            await call(...all);
            faults.push(`${kind}: accepted`);
          } catch (error) {
            const { message } = error as Error;
            const own = /^[A-Z]?[\w.]+(\(.*\))?(\.\w+)?: |assign: /.test(message);
            if (!own || ENGINE.test(message)) faults.push(`${kind}: ${message.slice(0, 120)}`);
          }
        }
        expect(faults).toEqual([]);
      });
    }
  }
});

describe('the table', () => {
  it('has every public class and function', () => {
    const names = [E, data, inspect, keras, onnx, state, threads, whitening, worker].flatMap(
      (entry) =>
        Object.entries(entry)
          .filter(([, value]) => typeof value === 'function')
          .map(([name]) => name),
    );
    const abstract = ['Layer', 'Loss', 'Optimizer', 'Schedule', 'FoldedNetwork', 'memoryUsage'];
    const inner = [
      'Batches',
      'Scaler',
      'CheckpointStore',
      'TrainingRun',
      'Projection',
      'WorkerError',
      'AnomalyError',
    ];
    const missing = names.filter((name) => !CASES[name]);
    expect(missing.filter((name) => ![...abstract, ...inner].includes(name))).toEqual([]);
  });
});
