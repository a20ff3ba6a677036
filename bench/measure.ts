/**
 * Paired timing: each round runs every entry once, one after the other, and ratios are taken within a
 * round, so that a machine's moods disturb a kernel and its limit alike. What is counted is this
 * process's processor time: a core that is shared with others slows nothing down but the run.
 */

/** The median, and the quartiles around it. */
export interface Statistic {
  median: number;
  low: number;
  high: number;
}

export interface Entry {
  run(): void;
  /** Puts back what runs wear out (an in-place operation's input), untimed, before each round. */
  reset?(): void;
}

export interface Effort {
  rounds: number;
  /** What each entry gets in a round at least. */
  milliseconds: number;
}

/** Slices of a round: an entry's time is their median, so that a disturbed slice is left out. */
const SLICES = 8;

/** Milliseconds of one run of each entry, round by round; two first rounds warm up and are left out. */
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

/** Milliseconds a run: the median of slices, over about `milliseconds` in all and one run at least. */
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

/** Milliseconds that processors have spent on this process. */
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
