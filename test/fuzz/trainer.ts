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
} as const;

export class Trainer {
  readonly optimizer: Optimizer;
  private readonly update: reference.Step;
  private readonly options: reference.Options;
  private readonly states = new Map<Parameter, { state: reference.State; t: number }>();

  constructor(
    choices: Choices,
    readonly parameters: readonly Parameter[],
  ) {
    const kind = pick(choices, ['SGD', 'Adam', 'AdamW', 'RMSprop'] as const);
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
      const { state, t } = this.states.get(parameter) ?? { state: {}, t: 0 };
      const values = Float64Array.from(parameter.data.toArray());
      this.update(values, state, parameter.grad!.toArray(), t + 1, this.options);
      this.states.set(parameter, { state, t: t + 1 });
      return [{ parameter, values }];
    });
    this.optimizer.step();
    const slack = 1e-5 * this.options.lr;
    for (const { parameter, values } of updates) {
      check(
        parameter.data.toArray(),
        { values, slack },
        `weight ${this.parameters.indexOf(parameter)}`,
      );
    }
    this.followMoments();
    return updates.map(({ parameter }) => parameter);
  }

  /** The reference goes on with the optimizer's bits. */
  private followMoments(): void {
    const { state } = this.optimizer.stateDict();
    for (const [i, parameter] of this.parameters.entries()) {
      const known = this.states.get(parameter);
      for (const [name, values] of Object.entries(known?.state ?? {})) {
        const found = state[i]?.[name]?.toArray();
        if (!found) throw new Mismatch(`parameter ${i} has no ${name}`);
        check(found, { values: values as Float64Array, slack: 0 }, `${name} of parameter ${i}`);
        known!.state[name] = Float64Array.from(found);
      }
    }
  }
}

function randomOptions(choices: Choices, kind: string): reference.Options {
  const common = { lr: pick(choices, [0.1, 0.01]), ...some(choices, { weightDecay: 0.1 }) };
  if (kind === 'SGD') {
    const momentum = pick(choices, [0, 0.9]);
    return { ...common, momentum, ...(momentum > 0 && some(choices, { nesterov: true })) };
  }
  const eps = pick(choices, [1e-3, 1e-5]);
  if (kind === 'Adam' || kind === 'AdamW') {
    return { ...common, eps, ...some(choices, { betas: [0.8, 0.95] as const, amsgrad: true }) };
  }
  return { ...common, eps, ...some(choices, { alpha: 0.9, momentum: 0.5 }) };
}
