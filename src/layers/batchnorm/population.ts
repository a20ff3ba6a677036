/**
 * Mean and variance of a channel over many batches, each merged exactly in float64 (Chan, Golub and
 * LeVeque, 1983). With Δ the batch's mean less that of the n values before it, and m values a batch:
 *
 *   S ← S + m·var + Δ²·n·m/(n + m)      mean ← mean + Δ·m/(n + m)      n ← n + m
 *
 * S/n is then the variance within the batches plus that of their means, and so that of all values; the
 * average of the batches' variances would leave out the second.
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

  /** Takes in a batch of m values a channel with mean K + δ and variance Σ(x − mean)²/m. */
  add(m: number, shift: Float32Array, delta: Float32Array, variance: Float32Array): void {
    const total = this.count + m;
    const share = m / total;
    for (let j = 0; j < this.mean.length; j++) {
      // K and the mean are near each other: their difference first, so that δ keeps its digits
      const apart = shift[j]! - this.mean[j]! + delta[j]!;
      this.squares[j]! += m * variance[j]! + apart * apart * this.count * share;
      this.mean[j]! += apart * share;
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
