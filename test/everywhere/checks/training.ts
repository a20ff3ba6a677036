/** Losses and optimizers against PyTorch's answers. */
import {
  Adam,
  AdamW,
  BCEWithLogitsLoss,
  CosineAnnealingLR,
  CrossEntropyLoss,
  ExponentialLR,
  HuberLoss,
  KLDivLoss,
  L1Loss,
  LambdaLR,
  Linear,
  LinearWarmup,
  type Loss,
  MSELoss,
  MultiStepLR,
  OneCycleLR,
  type Optimizer,
  Parameter,
  RMSprop,
  type Schedule,
  SGD,
  StepLR,
  Tensor,
} from 'evenkeel';
import type { GoldenCase, GoldenTensor } from '../../support/stored.ts';
import { type Check, casesOf, close, equal } from './check.ts';

// biome-ignore-start lint/suspicious/noExplicitAny: options as the goldens' scripts wrote them
const LOSSES: Record<string, (options: any) => Loss<any>> = {
  crossEntropy: (options) => new CrossEntropyLoss(options),
  crossEntropySoft: (options) => new CrossEntropyLoss(options),
  mse: (options) => new MSELoss(options),
  l1: (options) => new L1Loss(options),
  huber: (options) => new HuberLoss(options),
  bceWithLogits: (options) => new BCEWithLogitsLoss(options),
  klDiv: (options) => new KLDivLoss(options),
};

const SCHEDULES: Record<string, (o: Optimizer, options: any) => Schedule> = {
  StepLR: (o, options) => new StepLR(o, options),
  MultiStepLR: (o, options) => new MultiStepLR(o, options),
  ExponentialLR: (o, options) => new ExponentialLR(o, options),
  CosineAnnealingLR: (o, options) => new CosineAnnealingLR(o, options),
  LambdaLR: (o) => new LambdaLR(o, (t) => 1 / (1 + t)),
  LinearWarmup: (o, { startFactor, warmupSteps: steps }) =>
    new LinearWarmup(o, { startFactor, steps }),
  'LinearWarmup+ExponentialLR': (o, { startFactor, warmupSteps: steps, gamma }) =>
    new LinearWarmup(new ExponentialLR(o, { gamma }), { startFactor, steps }),
  OneCycleLR: (o, options) => new OneCycleLR(o, options),
};
// biome-ignore-end lint/suspicious/noExplicitAny: as above

function compareLoss({ loss: name, x, t, value, dx, weight, posWeight, ...options }: GoldenCase) {
  const weights = { weight: weight?.data, posWeight: posWeight?.data };
  const given = Object.fromEntries(Object.entries(weights).filter(([, values]) => values));
  const loss = LOSSES[name]!({ ...options, ...given });
  close([loss.forward(x, t)], [value], { rtol: 1e-6, atol: 2e-7 }, 'value');
  close(loss.backward().toArray(), dx.data, { rtol: 2e-6, scaled: 1e-6 }, 'dx');
  loss.dispose();
}

/** A parameter whose gradient can be any: that of a Linear without bias on the identity. */
class Steered {
  readonly layer: Linear;
  private readonly shape: readonly [rows: number, columns: number];

  constructor({ data, shape }: GoldenTensor) {
    this.shape = [shape[0]!, shape[1] ?? 1];
    const [rows, columns] = this.shape;
    this.layer = new Linear(columns, rows, { bias: false });
    this.layer.weight.assign({ data, shape: this.shape });
  }

  steer({ data }: GoldenTensor): void {
    const [rows, columns] = this.shape;
    const at = (n: number, value: (i: number, j: number) => number, width: number) =>
      Float32Array.from({ length: n * width }, (_, k) => value(Math.floor(k / width), k % width));
    const identity = at(columns, (i, j) => (i === j ? 1 : 0), columns);
    const transposed = at(columns, (i, j) => data[j * columns + i]!, rows);
    this.layer.forward({ data: identity, shape: [columns, columns] });
    this.layer.backward({ data: transposed, shape: [columns, rows] });
  }
}

const OPTIMIZERS = { SGD, Adam, AdamW, RMSprop };

function compareOptimizer(
  { name, options: { weight_decay: weightDecay = 0, ...options }, after }: GoldenCase,
  { weights, grads, shown }: GoldenCase,
): void {
  const steered: Steered[] = weights.map((weight: GoldenTensor) => new Steered(weight));
  const parameters = steered.map(({ layer }) => layer.weight);
  const given = weightDecay || name !== 'AdamW' ? { ...options, weightDecay } : options;
  const optimizer: Optimizer = new OPTIMIZERS[name as keyof typeof OPTIMIZERS](parameters, given);
  for (let step = 1; step <= 25; step++) {
    optimizer.zeroGrad();
    for (const [k, one] of steered.entries()) {
      const skipped = k === 1 && (step === 4 || step === 5);
      if (!skipped) one.steer(grads[step - 1][k]);
    }
    optimizer.step();
    const at = shown.indexOf(step);
    if (at < 0) continue;
    for (const [k, parameter] of parameters.entries()) {
      close(parameter.data.toArray(), after[at][k].data, { scaled: 1e-6 }, `${k}, step ${step}`);
    }
  }
  optimizer.dispose();
  for (const { layer } of steered) layer.dispose();
}

function compareSchedule({ name, options, lr, momentum }: GoldenCase): void {
  const parameters = [1, 2].map(() => new Parameter(Tensor.zeros([1])));
  const groups = parameters.map((parameter, i) => ({ params: [parameter], lr: [0.1, 0.03][i]! }));
  const optimizer = new SGD(groups, { momentum: momentum ? 0.9 : 0 });
  const schedule = SCHEDULES[name]!(optimizer, options);
  const rates: number[] = [];
  for (let step = 0; step < lr.shape[0]; step++) {
    if (step > 0) schedule.step();
    rates.push(...optimizer.groups.map((group) => group.lr));
  }
  close(rates, lr.data, { rtol: 1e-12, scaled: 1e-15 }, 'lr');
  equal(schedule.count, lr.shape[0] - 1, 'count');
  optimizer.dispose();
  for (const parameter of parameters) parameter.dispose();
}

export function training(): Check[] {
  const [given, ...runs] = casesOf('optim');
  const named = (file: string, cases: GoldenCase[], compare: (golden: GoldenCase) => void) =>
    cases.map((golden, i): Check => [`${file} ${i}`, () => compare(golden)]);
  return [
    ...named('loss', casesOf('losses'), compareLoss),
    ...named(
      'optimizer',
      runs.filter(({ state }) => state),
      (golden) => compareOptimizer(golden, given!),
    ),
    ...named('schedule', casesOf('schedule'), compareSchedule),
  ];
}
