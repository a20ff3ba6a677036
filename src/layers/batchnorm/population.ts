import { View } from '../../memory/memory.ts';
import { BATCH, type Source } from './source.ts';

/**
 * Mean and variance of a channel over many batches, each merged exactly in float64 (Chan, Golub and
 * LeVeque, 1983). With Δ the batch's mean less that of the n values before it, and m values a batch:
 *
 *   S ← S + m·var + Δ²·n·m/(n + m)      mean ← mean + Δ·m/(n + m)      n ← n + m
 *
 * S/n is then the variance within the batches plus that of their means, so it is the variance of all values.
 * The average of the batches' variances would leave out the second part.
 */
export class Population {
  /** Values a channel so far, n. */
  count = 0;
  batches = 0;
  readonly mean: Float64Array;
  /** Σ(x − mean)², S. */
  private readonly squares: Float64Array;

  constructor(channels: number) {
    this.mean = new Float64Array(channels);
    this.squares = new Float64Array(channels);
  }

  /**
   * The batch's statistics, which are added to the population; the running statistics do not change.
   * Batches are not cut into ghosts.
   */
  readonly source: Source = {
    ...BATCH,
    ofGhosts: false,
    track: (_, { statistics, m, c }) => {
      const { f32 } = new View(statistics, 3 * c);
      this.add(m, f32.subarray(0, c), f32.subarray(c, 2 * c), f32.subarray(2 * c));
    },
  };

  /** Adds a batch of m values a channel with mean K + δ and variance Σ(x − mean)²/m. */
  add(m: number, shift: Float32Array, delta: Float32Array, variance: Float32Array): void {
    const total = this.count + m;
    const share = m / total;
    for (let j = 0; j < this.mean.length; j++) {
      // K and the mean are near each other: subtracting them first keeps the digits of δ
      const change = shift[j]! - this.mean[j]! + delta[j]!;
      this.squares[j]! += m * variance[j]! + change * change * this.count * share;
      this.mean[j]! += change * share;
    }
    this.count = total;
    this.batches++;
  }

  /** S/n, or S/(n − 1). */
  variance(unbiased: boolean): Float64Array {
    const n = unbiased ? this.count - 1 : this.count;
    return this.squares.map((sum) => sum / n);
  }
}
