/** Compares a run with an earlier one. */
import type { Row, Unit } from './scene.ts';

export interface Change {
  row: Row;
  /** Cost now / cost then: by the ratio to the limit where there is one, else by the value. */
  factor: number;
  by: 'ratio' | 'value';
}

const RATES: Unit[] = ['GFLOP/s'];

/** The name of a work, the same in every run. */
export function nameOf({ group, work, shape }: Pick<Row, 'group' | 'work' | 'shape'>): string {
  return `${group}: ${work}, ${shape}`;
}

/**
 * Changes of the rows that both runs have, worst first. Ratios to a limit of the same run are preferred,
 * since the clock differs from day to day; rates (GFLOP/s) are turned into costs.
 */
export function compareRows(before: readonly Row[], after: readonly Row[]): Change[] {
  const old = new Map(before.map((row) => [nameOf(row), row]));
  const changes: Change[] = [];
  for (const row of after) {
    const was = old.get(nameOf(row));
    if (!was || was.unit !== row.unit) continue;
    const by = row.ratio && was.ratio?.of === row.ratio.of ? 'ratio' : 'value';
    const growth = row[by]!.median / was[by]!.median;
    changes.push({ row, factor: RATES.includes(row.unit) ? 1 / growth : growth, by });
  }
  return changes.sort((a, b) => b.factor - a.factor);
}

/** The works that became slower by more than `tolerance` (0.1: ten per cent). */
export function regressions(changes: readonly Change[], tolerance = 0.1): Change[] {
  return changes.filter(({ factor }) => factor > 1 + tolerance);
}
