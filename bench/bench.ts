/**
 * The form of a benchmark: what a file in bench/works exports by default. The file's name is the
 * benchmark's name in `--only`, in bench/results and in the drivers of bench/peers.
 */
import type { Arena } from './arena.ts';
import type { Effort } from './measure.ts';
import type { Measured, Row, Scene, Unit } from './scene.ts';

/** The tables of RESULTS.md, in their order. */
export const SUBJECTS = [
  'Batch norm',
  'Other norms',
  'Matrix products and convolutions',
  'Activations, losses, optimizers',
  'Networks',
  'Package',
] as const;

export interface Bench {
  /** The table of RESULTS.md that shows it. */
  subject: (typeof SUBJECTS)[number];
  /** The works that the table shows; without it, those of `contest`. */
  shown?: string[];
  /** Whether the relaxed build, too, is measured. */
  relaxed?: boolean;
  /** Works beside bare loops. Each scene is made, measured and freed before the next. */
  scenes?(arena: Arena): (() => Scene)[];
  /** Works that are measured in another way. */
  measure?(arena: Arena, effort: Effort): Measured[];
  /** The same works in other libraries. */
  contest?: Contest;
  goals?: Goal[];
}

export interface Contest {
  items: Item[];
  /** Our side of an item. */
  prepare(arena: Arena, item: NamedItem): Prepared;
}

/** One work of one shape, as JSON, since it is sent to other processes. */
export interface Item {
  work: string;
  shape: string;
  unit: Unit;
  /** Elements or flop of one run; 1 where the value is milliseconds a run. */
  count: number;
  /** What a driver needs to know. */
  of: Record<string, unknown>;
  /** The largest difference allowed, as a share of the largest result. */
  tolerance: number;
}

export interface NamedItem extends Item {
  /** The benchmark's name. */
  group: string;
}

export interface Prepared {
  run(): void;
  /** Results after one run; of training steps and optimizers, after three. */
  outputs(): ArrayLike<number>;
  dispose?(): void;
}

/** Our side of items that are works of a scene. */
export function fromScene(make: (arena: Arena, item: NamedItem) => Scene): Contest['prepare'] {
  return (arena, item) => {
    const mark = arena.mark();
    const work = make(arena, item).works[item.work]!;
    return {
      run: work.run,
      outputs() {
        work.reset?.();
        work.run();
        const [pointer, count] = work.results![0]!;
        return arena.view(pointer, count);
      },
      dispose: () => arena.release(mark),
    };
  };
}

/** A number to reach. It is compared with the worst of the figures that `of` finds. */
export interface Goal {
  name: string;
  must: number;
  aim: number;
  unit: string;
  /** Whether more is better. */
  more?: boolean;
  /** Why the aim is missed, as far as known. */
  why?: string;
  of(found: Found): Figure[];
}

/** A number, and the work and shape that it is about. */
export interface Figure {
  value: number;
  where: string;
}

/** What a goal is computed from: the rows of its own benchmark. */
export interface Found {
  strict: readonly Row[];
  relaxed: readonly Row[];
  /** Our time as a share of PyTorch's, by row. */
  pytorch: readonly Contested[];
}

export interface Contested extends Pick<Row, 'work' | 'shape'> {
  ratio: number;
}

/** Ratios to the limit, of some rows. */
export function ratios(
  rows: readonly Row[],
  work: string,
  wanted: (row: Row) => boolean = () => true,
): Figure[] {
  return rows
    .filter((row) => row.work === work && wanted(row))
    .map((row) => ({ value: row.ratio?.median ?? Number.NaN, where: whereOf(row) }));
}

/** Values in the row's unit, of rows whose shape contains a text. */
export function values(rows: readonly Row[], work: string, shape = ''): Figure[] {
  return rows
    .filter((row) => row.work === work && row.shape.includes(shape))
    .map((row) => ({ value: row.value.median, where: whereOf(row) }));
}

/** Our time as a share of PyTorch's, of some works. */
export function againstTorch(
  { pytorch }: Found,
  works: readonly string[],
  wanted: (row: Contested) => boolean = () => true,
): Figure[] {
  return pytorch
    .filter((row) => works.includes(row.work) && wanted(row))
    .map((row) => ({ value: row.ratio, where: whereOf(row) }));
}

/** The same figures in per cent. */
export function percents(figures: readonly Figure[]): Figure[] {
  return figures.map(({ value, where }) => ({ value: 100 * value, where }));
}

function whereOf({ work, shape }: Pick<Row, 'work' | 'shape'>): string {
  return `${work}, ${shape}`;
}
