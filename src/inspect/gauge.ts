import { UnitShape } from '../generated/kernels.ts';
import { aligned, offset, type Pointer, View } from '../memory/memory.ts';
import { bytesOf, writeStructAt } from '../memory/struct.ts';
import { Workspace } from '../memory/workspace.ts';
import { kernels } from '../runtime/engine.ts';
import { inspectKernels } from '../runtime/inspect.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { type Distribution, type Histogram, PERCENTILES } from './report.ts';

const FRACTIONS = PERCENTILES.map((percent) => percent / 100);

/** A row of unit moments: count, mean, Σ(x − mean)², min, max. */
const MOMENTS = 5;

/** The moments of each unit of a tensor. */
export class Units {
  constructor(
    private readonly rows: Float64Array,
    readonly count: number,
  ) {}

  finite(unit: number): number {
    return this.rows[unit * MOMENTS]!;
  }

  mean(unit: number): number {
    return this.rows[unit * MOMENTS + 1]!;
  }

  /** Σ(x − mean)²/n; NaN without a finite value. */
  variance(unit: number): number {
    return this.rows[unit * MOMENTS + 2]! / this.finite(unit);
  }

  min(unit: number): number {
    return this.rows[unit * MOMENTS + 3]!;
  }

  max(unit: number): number {
    return this.rows[unit * MOMENTS + 4]!;
  }

  /** Those of all units together, merged in order. */
  total(): { finite: number; mean: number; sd: number; min: number; max: number } {
    let [finite, mean, scatter] = [0, 0, 0];
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let unit = 0; unit < this.count; unit++) {
      const n = this.finite(unit);
      if (n === 0) continue;
      const delta = this.mean(unit) - mean;
      scatter += this.rows[unit * MOMENTS + 2]! + delta * delta * ((finite * n) / (finite + n));
      mean += delta * (n / (finite + n));
      finite += n;
      min = Math.min(min, this.min(unit));
      max = Math.max(max, this.max(unit));
    }
    if (finite === 0) return { finite, mean: NaN, sd: NaN, min: NaN, max: NaN };
    return { finite, mean, sd: Math.sqrt(scatter / finite), min, max };
  }
}

/** Measures tensors in linear memory with the kernels of the third module. It changes none. */
export class Gauge {
  private readonly workspace = new Workspace(this);
  /** Values that are gathered to be measured. */
  private readonly values = new Workspace(this);

  /**
   * @param bins of a histogram
   * @param sample how many values percentiles and histograms take at most
   */
  constructor(
    private readonly bins: number,
    private readonly sample: number,
  ) {}

  release(): void {
    this.workspace.release();
    this.values.release();
  }

  /** The moments of the units of a tensor, which are the extents of an axis. */
  units(x: Pointer, shape: Shape, axis: number): Units {
    const units = shape[axis] ?? 1;
    const inner = sizeOf(shape.slice(axis + 1));
    const rows = sizeOf(shape.slice(0, axis));
    const single = units === 1; // one long row
    const sizes = { units, rows: single ? 1 : rows, inner: single ? rows * inner : inner };
    const length = units * MOMENTS;
    this.workspace.reserve(aligned(length * 8) + bytesOf(UnitShape));
    const { ptr } = this.workspace;
    const struct = writeStructAt(offset(ptr, aligned(length * 8) / 4), UnitShape, sizes);
    inspectKernels().unitMoments(ptr as Pointer<'Moments'>, x, struct, 0, units);
    return new Units(new View(ptr, length * 2).f64.slice(), units);
  }

  /** How a tensor is distributed, given the moments of its units. */
  distribution(x: Pointer, shape: Shape, units: Units): Distribution {
    const size = sizeOf(shape);
    const { finite, ...moments } = units.total();
    const [values, sampled] = this.sampleOf(x, size);
    const percentiles = this.percentiles(values, sampled);
    return {
      ...{ size, notFinite: size - finite, ...moments, percentiles },
      ...{ histogram: this.histogram(values, sampled, moments, percentiles), sampled },
    };
  }

  /**
   * Every k-th value, if there are more than a sample takes. k has no factor in common with the extents, so
   * that all samples, units and positions have their share.
   */
  private sampleOf(x: Pointer, size: number): [values: Pointer, count: number] {
    let stride = Math.ceil(size / this.sample);
    while (divisor(stride, size) > 1) stride++;
    if (stride === 1) return [x, size];
    const count = Math.ceil(size / stride);
    this.values.reserve(aligned(count * 4));
    inspectKernels().everyNth(this.values.ptr, x, count, stride);
    return [this.values.ptr, count];
  }

  /** The percentiles of n values; NaN if none is finite. */
  percentiles(x: Pointer, n: number): number[] {
    const count = FRACTIONS.length;
    const bytes = aligned(count * 8);
    this.workspace.reserve(2 * bytes + inspectKernels().quantilesScratch(n, count));
    const { ptr: values } = this.workspace;
    const fractions = offset(values, bytes / 4);
    const scratch = offset(values, bytes / 2);
    new View(fractions, count * 2).f64.set(FRACTIONS);
    inspectKernels().quantiles(values, x, n, fractions, count, scratch);
    return [...new View(values, count * 2).f64];
  }

  /** The percentiles of numbers that the host has, as float32. */
  percentilesOf(numbers: readonly number[]): number[] {
    this.values.reserve(aligned(numbers.length * 4));
    const { ptr } = this.values;
    new View(ptr, numbers.length).f32.set(numbers);
    return this.percentiles(ptr, numbers.length);
  }

  /**
   * From a quarter of the distance of the outer percentiles beyond them, so that a few outliers do not put
   * all other values into one bin, but not beyond the least and largest value.
   */
  private histogram(
    x: Pointer,
    n: number,
    { min, max }: { min: number; max: number },
    percentiles: readonly number[],
  ): Histogram {
    const [low, high] = [percentiles[0]!, percentiles.at(-1)!];
    if (Number.isNaN(low)) return { from: NaN, to: NaN, counts: [], below: 0, above: 0 };
    const margin = (high - low) / 4;
    const [from, to] = [Math.max(min, low - margin), Math.min(max, high + margin)];
    this.workspace.reserve((this.bins + 2) * 4);
    const { ptr } = this.workspace;
    inspectKernels().histogram(ptr, x, n, from, to, this.bins);
    const counts = [...new View(ptr, this.bins + 2).i32];
    const [below, above] = counts.splice(this.bins) as [number, number];
    return { from, to, counts, below, above };
  }

  /** The share of values that are ≤ low or ≥ high. */
  shareOutside(x: Pointer, n: number, low: number, high: number): number {
    return inspectKernels().countOutside(x, n, low, high) / n;
  }
}

/** √(Σx²) of n values. */
export function normOf(x: Pointer, n: number): number {
  return Math.sqrt(inBlocks(n, (from, to) => kernels().sumOfSquares(x, from, to)));
}

/** √(Σ(a − b)²) of n values. */
export function distanceOf(a: Pointer, b: Pointer, n: number): number {
  return Math.sqrt(
    inBlocks(n, (from, to) => inspectKernels().sumOfSquaredDifferences(a, b, from, to)),
  );
}

/** Values a call, so that sums can be divided among threads at fixed places. */
const BLOCK = 65_536;

function inBlocks(n: number, sum: (from: number, to: number) => number): number {
  let total = 0;
  for (let from = 0; from < n; from += BLOCK) total += sum(from, Math.min(from + BLOCK, n));
  return total;
}

/** The greatest common divisor. */
function divisor(a: number, b: number): number {
  while (b > 0) [a, b] = [b, a % b];
  return a;
}

/** n numbers as an array. */
export function arrayOf(n: number, of: (i: number) => number): number[] {
  const numbers: number[] = new Array(n);
  for (let i = 0; i < n; i++) numbers[i] = of(i);
  return numbers;
}
