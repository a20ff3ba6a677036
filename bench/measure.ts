/**
 * Paired timing: each round runs every entry once, one after the other, and ratios are taken within a
 * round, because a clock that changes then changes for a kernel and its limit alike. Times are the processor
 * time of this process, which leaves out the time that other processes had the core.
 */

/** The median, and the quartiles around it. */
export interface Statistic {
  median: number;
  low: number;
  high: number;
}

export interface Entry {
  run(): void;
  /** Restores what a run changes (the input of an operation in place); untimed, before each round. */
  reset?(): void;
}

export interface Effort {
  rounds: number;
  /** Least time of each entry in a round. */
  milliseconds: number;
}

/** Slices of a round. An entry's time is their median, so a disturbed slice does not count. */
const SLICES = 8;

/** Milliseconds of one run of each entry, by round. Two rounds before the first warm up. */
export function timeRounds<Name extends string>(
  entries: Record<Name, Entry>,
  { rounds, milliseconds }: Effort,
): Record<Name, number[]> {
  const names = Object.keys(entries) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    number[]
  >;
  for (let round = -2; round < rounds; round++) {
    for (const name of names) {
      entries[name].reset?.();
      const time = timeOf(entries[name].run, milliseconds);
      if (round >= 0) times[name].push(time);
    }
  }
  return times;
}

/** Milliseconds of one run: the median of slices that take about `milliseconds` together. */
export function timeOf(run: () => void, milliseconds: number): number {
  const slice = milliseconds / SLICES;
  let batch = 1;
  let took = elapsed(run, batch);
  for (; took < slice / 2 && batch < 1e6; took = elapsed(run, batch)) batch *= 2;
  const slices = [took / batch];
  for (let total = took; total < milliseconds; total += took) {
    took = elapsed(run, batch);
    slices.push(took / batch);
  }
  return statistic(slices).median;
}

function elapsed(run: () => void, runs: number): number {
  const start = processorTime();
  for (let i = 0; i < runs; i++) run();
  return processorTime() - start;
}

/** Milliseconds that the processor has spent on this process. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export function statistic(values: readonly number[]): Statistic {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

/** The distance of the quartiles as a share of the median. */
export function spread({ median, low, high }: Statistic): number {
  return (high - low) / median;
}
