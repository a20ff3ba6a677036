/** An optimizer beside its float64 reference. */
import type { Optimizer, Parameter } from '../../src/index.ts';
import * as reference from '../reference/optim.ts';
import { type Choices, pick, some } from './choices.ts';
import { publicName } from './net.ts';
import { check, Mismatch } from './world.ts';

const STEPS = {
  SGD: reference.sgd,
  RMSprop: reference.rmsprop,
  Adam: reference.adam,
  AdamW: reference.adam,
  NAdam: reference.nadam,
  RAdam: reference.radam,
  Adagrad: reference.adagrad,
  Lion: reference.lion,
} as const;
const KINDS = Object.keys(STEPS) as (keyof typeof STEPS)[];

export class Trainer {
  readonly optimizer: Optimizer;
  private readonly update: reference.Step;
  private readonly options: reference.Options;
  private readonly states = new Map<Parameter, { state: reference.State; t: number }>();

  constructor(
    choices: Choices,
    readonly parameters: readonly Parameter[],
  ) {
    const kind = pick(choices, KINDS);
    const options = randomOptions(choices, kind);
    const Kind = publicName<new (...args: unknown[]) => Optimizer>(kind);
    this.optimizer = new Kind(parameters, options);
    this.update = STEPS[kind];
    this.options = kind === 'AdamW' ? { weightDecay: 0.01, ...options, decoupled: true } : options;
  }

  /**
   * Steps, and holds weights and moments against the reference.
   *
   * @param touched the parameters that had a backward since their gradients were set to zero
   * @returns the parameters that were updated
   */
  step(touched: ReadonlySet<Parameter>): Parameter[] {
    const updates = this.parameters.flatMap((parameter) => {
      if (!touched.has(parameter) || !parameter.requiresGrad || parameter.disposed) return [];
      return [this.expect(parameter)];
    });
    this.optimizer.step();
    const { state } = this.optimizer.stateDict();
    for (const { parameter, values, slacks, moments } of updates) {
      const i = this.parameters.indexOf(parameter);
      const slack = 1e-5 * this.options.lr + slacks.weight!;
      check(parameter.data.toArray(), { values, slack }, `weight ${i}`);
      for (const [name, expected] of Object.entries(moments)) {
        const found = state[i]?.[name]?.toArray();
        if (!found) throw new Mismatch(`parameter ${i} has no ${name}`);
        check(found, { values: expected as Float64Array, slack: slacks[name]! }, `${name} of ${i}`);
        moments[name] = Float64Array.from(found); // the reference goes on with the optimizer's bits
      }
    }
    return updates.map(({ parameter }) => parameter);
  }

  /** The reference's update of a parameter, and how far rounded gradients move its results. */
  private expect(parameter: Parameter) {
    const known = this.states.get(parameter) ?? { state: {}, t: 0 };
    const t = known.t + 1;
    const start = Float64Array.from(parameter.data.toArray());
    const dw = parameter.grad!.toArray();
    const run = (gradient: ArrayLike<number>) => {
      const values = start.slice();
      const entries = Object.entries(known.state).map(([name, moment]) => [name, moment.slice()]);
      const moments: reference.State = Object.fromEntries(entries);
      this.update(values, moments, gradient, t, this.options);
      return { values, moments };
    };
    const exact = run(dw);
    const decay = this.options.weightDecay ?? 0;
    const rounding = (i: number) => 1e-6 * (Math.abs(dw[i]!) + decay * Math.abs(start[i]!));
    const slacks: Record<string, number> = { weight: 0 };
    for (const sign of [1, -1]) {
      const moved = run(Float64Array.from(dw, (v, i) => v + sign * rounding(i)));
      slacks.weight = Math.max(slacks.weight!, distance(moved.values, exact.values));
      for (const [name, moment] of Object.entries(exact.moments)) {
        const off = distance(moved.moments[name] as Float64Array, moment as Float64Array);
        slacks[name] = Math.max(slacks[name] ?? 0, off);
      }
    }
    this.states.set(parameter, { state: exact.moments, t });
    return { parameter, slacks, ...exact };
  }
}

function distance(a: Float64Array, b: Float64Array): number {
  return a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0);
}

function randomOptions(choices: Choices, kind: string): reference.Options {
  const common = {
    lr: pick(choices, [0.1, 0.01]),
    ...some(choices, { weightDecay: 0.1, maximize: true }),
  };
  if (kind === 'SGD') {
    const momentum = pick(choices, [0, 0.9]);
    return { ...common, momentum, ...(momentum > 0 && some(choices, { nesterov: true })) };
  }
  const eps = pick(choices, [1e-3, 1e-5]);
  if (kind === 'Adam' || kind === 'AdamW') {
    return { ...common, eps, ...some(choices, { betas: [0.8, 0.95] as const, amsgrad: true }) };
  }
  if (kind === 'Lion') return { ...common, ...some(choices, { betas: [0.8, 0.95] as const }) };
  if (kind === 'Adagrad') {
    return { ...common, eps, ...some(choices, { lrDecay: 0.1, initialAccumulatorValue: 0.5 }) };
  }
  if (kind === 'NAdam' || kind === 'RAdam') {
    const both = { betas: [0.8, 0.95] as const, decoupledWeightDecay: true };
    const own = kind === 'NAdam' ? { ...both, momentumDecay: 0.01 } : both;
    return { ...common, eps, ...some(choices, own) };
  }
  return { ...common, eps, ...some(choices, { alpha: 0.9, momentum: 0.5 }) };
}
