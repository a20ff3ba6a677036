/** What evenkeel makes of a case, by the names that torch/answers.py gives. */
import * as evenkeel from '../../../src/index.ts';
import { makeNet, publicName } from '../net.ts';
import type { Case, Kind, LossCase, LossSpec, NetCase, ScheduleCase, Stored } from './cases.ts';

export type Answers = Record<string, { shape: readonly number[]; data: ArrayLike<number> }>;

export function read({ shape, f32 }: Stored): { shape: number[]; data: Float32Array } {
  const bytes = Uint8Array.from(Buffer.from(f32, 'base64'));
  return { shape: [...shape], data: new Float32Array(bytes.buffer) };
}

export function answersTo(one: Case): Answers {
  if (one.type === 'loss') return lossAnswers(one);
  return one.type === 'schedule' ? scheduleAnswers(one) : netAnswers(one);
}

type Constructor<T> = new (...args: unknown[]) => T;
const classOf = <T>(kind: string) => publicName<Constructor<T>>(kind);

function makeLoss({ kind, options }: LossSpec): evenkeel.Loss<evenkeel.TargetData> {
  const own = Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name,
      name === 'weight' || name === 'posWeight' ? read(value as Stored).data : value,
    ]),
  );
  return new (classOf<evenkeel.Loss<evenkeel.TargetData>>(kind))(own);
}

function makeSchedule({ kind, options }: Kind, optimizer: evenkeel.Optimizer): evenkeel.Schedule {
  return new (classOf<evenkeel.Schedule>(kind))(optimizer, options);
}

function lossAnswers({ loss: spec, x, others, target, scale }: LossCase): Answers {
  using loss = makeLoss(spec);
  const predictions = [x, ...(others ?? [])].map(read);
  const given = (others ? predictions : predictions[0]) as evenkeel.Input;
  const value = loss.forward(given, (target && read(target)) as evenkeel.TargetData);
  const gradients = [loss.backward(scale)].flat();
  const slopes = gradients.map((d, i) => {
    const { shape } = predictions[i]!;
    return [i === 0 ? 'dx' : `d${i}`, { shape, data: d.toArray() }] as const;
  });
  return { loss: { shape: [1], data: [value] }, ...Object.fromEntries(slopes) };
}

function scheduleAnswers({ schedule: spec, lrs, count, momentum }: ScheduleCase): Answers {
  using layer = new evenkeel.Linear(1, lrs.length, { bias: false });
  const parameters = lrs.map(() => new evenkeel.Parameter(layer.weight.data));
  const options = { lr: 1, ...(momentum && { momentum: 0.9 }) };
  const groups = parameters.map((parameter, i) => ({ params: [parameter], lr: lrs[i]! }));
  using optimizer = new evenkeel.SGD(groups, options);
  const schedule = makeSchedule(spec, optimizer as unknown as evenkeel.Optimizer);
  const rates: number[] = [];
  for (let i = 0; i < count; i++) {
    rates.push(...optimizer.groups.map(({ lr }) => lr));
    schedule.step();
  }
  for (const parameter of parameters) parameter.dispose();
  return { rates: { shape: [rates.length], data: rates } };
}

function netAnswers({ net, state, frozen, loss: lossSpec, training, steps }: NetCase): Answers {
  const found: Answers = {};
  using model = makeNet(net);
  model.loadStateDict(Object.fromEntries(Object.entries(state).map(([k, v]) => [k, read(v)])));
  const parameters = new Map(model.namedParameters());
  for (const name of frozen) parameters.get(name)!.requiresGrad = false;
  using loss = lossSpec && makeLoss(lossSpec);
  using optimizer = training && makeOptimizer(training.optimizer, parameters);
  const schedule = training?.schedule && makeSchedule(training.schedule, optimizer!);
  using average = training?.ema && new evenkeel.ExponentialMovingAverage(model, training.ema);
  for (const [number, step] of steps.entries()) {
    const at = `step ${number}: `;
    const note = (
      name: string,
      { shape }: { shape: readonly number[] },
      data: ArrayLike<number>,
    ) => {
      found[at + name] = { shape, data };
    };
    model.train(step.train);
    const y = model.forward(read(step.x));
    note('y', y, y.toArray());
    if (!step.accumulates) for (const parameter of parameters.values()) parameter.zeroGrad();
    const value = loss?.forward(y, read(step.target!));
    if (value !== undefined) note('loss', { shape: [1] }, [value]);
    const dx = model.backward(loss ? loss.backward(step.scale) : read(step.dy!));
    note('dx', dx, dx.toArray());
    for (const [name, { grad, shape, requiresGrad }] of parameters) {
      if (requiresGrad) note(`d ${name}`, { shape }, grad!.toArray());
      else if (grad) throw new Error(`${name} is frozen and has a gradient`);
    }
    if (training && optimizer) {
      const all = [...parameters.values()];
      const { clipNorm, clipValue } = training;
      if (clipNorm !== undefined)
        note('norm', { shape: [1] }, [evenkeel.clipGradNorm(all, clipNorm)]);
      if (clipValue !== undefined) evenkeel.clipGradValue(all, clipValue);
      optimizer.step();
      schedule?.step();
      if (schedule) {
        const rates = optimizer.groups.map(({ lr }) => lr);
        note('lr', { shape: [rates.length] }, rates);
      }
      average?.update();
      const averages = average?.stateDict().state ?? {};
      for (const name of average ? parameters.keys() : []) {
        note(`average ${name}`, averages[name]!, averages[name]!.toArray());
      }
    }
    for (const [name, tensor] of Object.entries(model.stateDict())) {
      note(`state ${name}`, tensor, tensor.toArray());
    }
  }
  const y = model.predict(read(steps[0]!.x));
  found.predict = { shape: y.shape, data: y.toArray() };
  return found;
}

function makeOptimizer(
  { kind, options, groups }: NonNullable<NetCase['training']>['optimizer'],
  parameters: ReadonlyMap<string, evenkeel.Parameter>,
): evenkeel.Optimizer {
  const given = groups.map((group) => ({
    params: group.names.map((name) => parameters.get(name)!),
    ...group.options,
  }));
  return new (classOf<evenkeel.Optimizer>(kind))(given, options);
}
