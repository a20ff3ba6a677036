/** Where random cases get their decisions from: a seed, or a list of numbers that fast-check can shrink. */
import { TestRandom } from '../support/random.ts';

export interface Choices {
  /** A whole number from 0 to below − 1. */
  integer(below: number): number;
  /** Uniform in [0, 1). */
  uniform(): number;
}

export function seeded(seed: number): Choices {
  return new TestRandom(seed);
}

/** Choices read from a list. When it is used up, every choice is the first, so a shorter list is a simpler case. */
export function listed(numbers: readonly number[]): Choices {
  let at = 0;
  const next = (): number => numbers[at++] ?? 0;
  return { integer: (below) => next() % below, uniform: () => (next() % 1024) / 1024 };
}

export function pick<T>(choices: Choices, among: readonly T[]): T {
  return among[choices.integer(among.length)]!;
}

export function chance(choices: Choices, probability: number): boolean {
  return choices.uniform() >= 1 - probability;
}

/** A whole number from `from` to `to`, both possible. */
export function between(choices: Choices, from: number, to: number): number {
  return from + choices.integer(to - from + 1);
}

/** Leaves each entry out with probability ½, so that defaults are tried too. */
export function some<T extends object>(choices: Choices, options: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined && chance(choices, 0.5)),
  ) as Partial<T>;
}
