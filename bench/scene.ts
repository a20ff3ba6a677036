/** What is measured together: works on the same blocks, and the bare loops they are compared with. */
import type { Pointer } from '../src/generated/kernels.ts';
import type { Arena } from './arena.ts';
import { type Effort, type Entry, type Statistic, statistic, timeRounds } from './measure.ts';

export type Loop = 'copy' | 'R' | 'S' | 'S₂' | 'I' | 'P' | 'clock';
export type Unit = 'ns/element' | 'GFLOP/s' | 'ms' | 'MB' | 'kB';

export interface Work extends Entry {
  /** Elements or flop of one run. */
  count: number;
  /** The limit's name, and its time from the loops' times. */
  limit?: [name: string, of: (times: Record<Loop, number>) => number];
  /** Blocks of results, which other libraries have to agree with. */
  results?: [Pointer, number][];
}

export interface Scene {
  shape: string;
  unit: Unit;
  loops: Partial<Record<Loop, Entry>>;
  works: Record<string, Work>;
}

/** One work of one shape, measured. */
export interface Measured {
  work: string;
  shape: string;
  unit: Unit;
  value: Statistic;
  /** '× (R+S)': the time as a multiple of the limit's. '% of P': the rate as a share of the loop's. */
  ratio?: Statistic & { of: string };
  /** The rate as a share of 16 flop a cycle. */
  peak?: Statistic;
  /** The loops' medians, in the row's unit. */
  loops?: Partial<Record<Loop, number>>;
}

/** A line of the table and of the JSON file. */
export interface Row extends Measured {
  /** The benchmark's name. */
  group: string;
}

const STEPS = 1 << 16;
/** Twelve vectors of four lanes, a product and a sum each. */
export const MUL_ADD_FLOP = 96 * STEPS;
const FLOP_A_CYCLE = 16;
/** Flop that the machine could do in the time of the loop `clock`. */
export const PEAK_FLOP = FLOP_A_CYCLE * STEPS;

/** The bare loops that touch no memory. */
export function computeLoops({ loops }: Arena): Scene['loops'] {
  return {
    P: { run: () => loops.mulAdd(STEPS, 0.5, 1) },
    clock: { run: () => loops.addChain(STEPS, 1, 1) },
  };
}

/** The bare loops over blocks of `size` floats; `x` and `y` may be inputs of the works. */
export function memoryLoops(
  { loops }: Arena,
  size: number,
  { x, y, z }: { x: Pointer; y: Pointer; z: Pointer },
): Scene['loops'] {
  const whole = size & ~15; // the loops have no tails
  return {
    copy: { run: () => loops.copy(z, x, whole) },
    R: { run: () => loops.readSum(x, whole) },
    S: { run: () => loops.scale(z, x, 1.0001, whole) },
    'S₂': { run: () => loops.sum(z, x, y, whole) },
    I: { run: () => loops.scale(z, z, 1, whole) },
  };
}

export function measureScene(scene: Scene, effort: Effort): Measured[] {
  const { shape, unit } = scene;
  const times = timeRounds({ ...scene.loops, ...scene.works } as Record<string, Entry>, effort);
  const rounds = Object.values(times)[0]!.map((_, round) =>
    Object.fromEntries(Object.entries(times).map(([name, of]) => [name, of[round]!])),
  ) as Record<string, number>[];
  return Object.entries(scene.works).map(([work, { count, limit }]) => {
    const value = statistic(times[work]!.map((ms) => inUnitOf(unit, ms, count)));
    const row: Measured = { work, shape, unit, value };
    if (unit === 'GFLOP/s') {
      const rates = rounds.map((at) => count / at[work]!);
      const share = rates.map((rate, i) => rate / (MUL_ADD_FLOP / rounds[i]!.P!));
      row.ratio = { of: '% of P', ...statistic(share) };
      const cycles = rounds.map((at) => PEAK_FLOP / at.clock!);
      row.peak = statistic(rates.map((rate, i) => rate / cycles[i]!));
    } else if (limit) {
      const [name, of] = limit;
      const ratios = rounds.map((at) => at[work]! / of(at as Record<Loop, number>));
      row.ratio = { of: `× ${name}`, ...statistic(ratios) };
    }
    const loops = Object.keys(scene.loops) as Loop[];
    if (loops.length > 0) {
      row.loops = Object.fromEntries(
        loops.map((loop) => {
          const flop = loop === 'P' ? MUL_ADD_FLOP : loop === 'clock' ? STEPS : count;
          const of = loop === 'P' || loop === 'clock' ? 'GFLOP/s' : unit;
          return [loop, statistic(times[loop]!.map((ms) => inUnitOf(of, ms, flop))).median];
        }),
      );
    }
    return row;
  });
}

function inUnitOf(unit: Unit, milliseconds: number, count: number): number {
  if (unit === 'ns/element') return (milliseconds * 1e6) / count;
  if (unit === 'GFLOP/s') return count / milliseconds / 1e6;
  return milliseconds / count;
}
