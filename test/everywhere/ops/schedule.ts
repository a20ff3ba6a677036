import {
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  CyclicLR,
  ExponentialLR,
  LambdaLR,
  LinearWarmup,
  MultiStepLR,
  OneCycleLR,
  type Optimizer,
  Parameter,
  PolynomialLR,
  ReduceLROnPlateau,
  type Schedule,
  SGD,
  StepLR,
  Tensor,
} from 'evenkeel';
import { close, equal, ofGoldens } from '../checks/check.ts';

// biome-ignore lint/suspicious/noExplicitAny: options as the golden's script wrote them
const SCHEDULES: Record<string, (o: Optimizer, options: any) => Schedule> = {
  StepLR: (o, options) => new StepLR(o, options),
  MultiStepLR: (o, options) => new MultiStepLR(o, options),
  ExponentialLR: (o, options) => new ExponentialLR(o, options),
  CosineAnnealingLR: (o, options) => new CosineAnnealingLR(o, options),
  LambdaLR: (o) => new LambdaLR(o, (t) => 1 / (1 + t)),
  LinearWarmup: (o, { warmupSteps: steps, ...options }) =>
    new LinearWarmup(o, { ...options, steps }),
  'LinearWarmup+ExponentialLR': (o, { startFactor, warmupSteps: steps, gamma }) =>
    new LinearWarmup(new ExponentialLR(o, { gamma }), { startFactor, steps }),
  OneCycleLR: (o, options) => new OneCycleLR(o, options),
  CosineAnnealingWarmRestarts: (o, options) => new CosineAnnealingWarmRestarts(o, options),
  PolynomialLR: (o, options) => new PolynomialLR(o, options),
  CyclicLR: (o, options) => new CyclicLR(o, options),
  ReduceLROnPlateau: (o, options) => new ReduceLROnPlateau(o, options),
};

export default ofGoldens('schedule', ({ name, options, lr, momentum, metrics = [] }) => {
  const parameters = [1, 2].map(() => new Parameter(Tensor.zeros([1])));
  const optimizerOf = () => {
    const groups = parameters.map((parameter, i) => ({ params: [parameter], lr: [0.1, 0.03][i]! }));
    return new SGD(groups, { momentum: momentum ? 0.9 : 0 });
  };
  const optimizer = optimizerOf();
  const schedule = SCHEDULES[name]!(optimizer, options);
  const [rates, momenta]: [number[], number[]] = [[], []];
  const steps = lr.shape[0];
  const half = Math.floor(steps / 2);
  let state: ReturnType<Schedule['stateDict']>;
  for (let step = 0; step < steps; step++) {
    if (step > 0) schedule.step(metrics[step - 1]);
    if (step === half) state = JSON.parse(JSON.stringify(schedule.stateDict()));
    equal(schedule.count, step, 'count');
    equal(schedule.lr, optimizer.lr, 'lr of the schedule');
    rates.push(...optimizer.groups.map((group) => group.lr));
    momenta.push(...optimizer.groups.map((group) => group.momentum));
  }
  // OneCycle's last rate is a difference: relative to the largest.
  close(rates, lr.data, { rtol: 1e-12, scaled: 1e-15 }, 'lr');
  if (momentum) close(momenta, momentum.data, { rtol: 1e-12 }, 'momentum');

  // Counts can be reached at once, and a state dict taken half way goes on alike.
  if (metrics.length === 0) {
    schedule.moveTo(half);
    equal(schedule.stateDict(), state!, 'state');
  }
  const other = optimizerOf();
  other.lr = 5;
  const resumed = SCHEDULES[name]!(other, options);
  resumed.loadStateDict(state!);
  const rest: number[] = [];
  for (let step = half; step < steps; step++) {
    if (step > half) resumed.step(metrics[step - 1]);
    rest.push(...other.groups.map((group) => group.lr));
  }
  close(rest, rates.slice(2 * half), {}, 'rates resumed');
  for (const thing of [optimizer, other, ...parameters]) thing.dispose();
  return schedule;
});
