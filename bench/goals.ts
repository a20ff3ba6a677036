/** How far goals are reached. */
import type { Figure, Found, Goal } from './bench.ts';

/** The worst figure, or nothing where none was measured. */
export function worst({ of, more }: Goal, found: Found): Figure | undefined {
  return of(found)
    .filter(({ value }) => Number.isFinite(value))
    .sort((a, b) => (more ? a.value - b.value : b.value - a.value))[0];
}

export function verdict({ must, aim, more }: Goal, measured: number): 'aim' | 'must' | 'missed' {
  const reaches = (goal: number) => (more ? measured >= goal : measured <= goal);
  return reaches(aim) ? 'aim' : reaches(must) ? 'must' : 'missed';
}
