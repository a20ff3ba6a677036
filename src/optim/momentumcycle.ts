import { checkNumber } from '../tensor/check.ts';
import type { Group, Optimizer, OptimizerOptions } from './optimizer.ts';

type WithMomentum = Group<OptimizerOptions> & { momentum?: number; betas?: readonly number[] };

/** Sets the momentum of an optimizer's groups, Adam's β₁ included. */
export class MomentumCycle {
  /** The groups whose momentum is not 0 at the start; it may become 0 in the cycle. */
  private readonly withMomentum: ReadonlySet<WithMomentum>;

  constructor(private readonly optimizer: Optimizer) {
    const groups = optimizer.groups as readonly WithMomentum[];
    this.withMomentum = new Set(groups.filter(({ momentum }) => momentum));
  }

  set(momentum: number): void {
    for (const group of this.optimizer.groups as readonly WithMomentum[]) {
      if (group.betas) group.betas = [momentum, ...group.betas.slice(1)];
      else if (this.withMomentum.has(group)) group.momentum = momentum;
    }
  }
}

/**
 * Learning rates, one for each group.
 *
 * @param given one for all groups, or a list
 * @throws RangeError for another number of rates, or one below 0
 */
export function ratesOf(
  who: string,
  name: string,
  given: number | readonly number[] | undefined,
  { groups }: Optimizer,
): readonly number[] {
  const rates = Array.isArray(given) ? [...given] : groups.map(() => given as number);
  if (rates.length !== groups.length) {
    throw new RangeError(
      `${who}: ${name} expected ${groups.length} values, one a group, got ${rates.length}`,
    );
  }
  for (const rate of rates) checkNumber(who, name, rate, 0);
  return rates;
}
