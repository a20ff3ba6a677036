/** Columns of numbers over training steps, of bounded length. */

const LONGEST = 600;

/**
 * The rows of a run: a step and some values each. When there are too many, every second one goes, and from
 * then on only every second one that comes is kept.
 */
export class History {
  private rows: (readonly (number | null)[])[] = [];
  private every = 1;
  private count = 0;

  /** @param width the number of values in a row */
  constructor(private readonly width: number) {}

  /** The columns, the steps first, as a chart takes them. */
  get columns(): (number | null)[][] {
    return Array.from({ length: this.width + 1 }, (_, i) => this.rows.map((row) => row[i]!));
  }

  push(step: number, values: readonly number[]): void {
    if (this.count++ % this.every > 0) return;
    this.rows.push([step, ...values.map(finite)]);
    if (this.rows.length <= LONGEST) return;
    this.rows = this.rows.filter((_row, i) => i % 2 === 0);
    this.every *= 2;
    this.count = 1;
  }
}

/** Charts leave a gap where there is null. */
export function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
