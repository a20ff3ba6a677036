/** The scatter matrix of samples, from which the covariance follows, in float64. */
import { Block } from '../memory/memory.ts';
import { extra } from '../runtime/extra.ts';

export interface Scatter {
  /** Number of samples. */
  readonly count: number;
  /** [F]. */
  readonly mean: Float64Array;
  /** Σ(x − mean)(x − mean)ᵀ, [F, F]. */
  readonly products: Float64Array;
}

/** Floats of a chunk of rows, which fits the second-level cache. */
const CHUNK = 65_536;

/** The scatter of `n` rows of `f` features: centred in float64, multiplied as float32, summed in float64. */
export function scatterOf(x: ArrayLike<number>, n: number, f: number): Scatter {
  const mean = new Float64Array(f);
  for (let at = 0, r = 0; r < n; r++) {
    for (let i = 0; i < f; i++) mean[i]! += x[at++]!;
  }
  for (let i = 0; i < f; i++) mean[i]! /= n;
  // Σ(x − mean), which is 0 but for rounding, corrects the mean.
  const rest = new Float64Array(f);
  for (let at = 0, r = 0; r < n; r++) {
    for (let i = 0; i < f; i++) rest[i]! += x[at++]! - mean[i]!;
  }
  for (let i = 0; i < f; i++) mean[i]! += rest[i]! / n;

  // The kernel takes multiples of four columns; those beyond the data hold 0.
  const width = Math.ceil(f / 4) * 4;
  const rows = Math.min(n, Math.max(16, Math.floor(CHUNK / width)));
  const chunk = new Block(rows * width * 4);
  try {
    const sums = new Block(width * width * 8);
    try {
      sums.f32.fill(0);
      chunk.f32.fill(0);
      for (let from = 0; from < n; from += rows) {
        const count = Math.min(rows, n - from);
        const { f32 } = chunk;
        for (let r = 0; r < count; r++) {
          for (let i = 0; i < f; i++) f32[r * width + i] = x[(from + r) * f + i]! - mean[i]!;
        }
        extra().crossProducts(sums.ptr, chunk.ptr, count, width, 0, width);
      }
      const upper = sums.f64;
      const products = new Float64Array(f * f);
      for (let i = 0; i < f; i++) {
        for (let j = i; j < f; j++) {
          products[i * f + j] = products[j * f + i] = upper[i * width + j]!;
        }
      }
      return { count: n, mean, products };
    } finally {
      sums.release();
    }
  } finally {
    chunk.release();
  }
}

/** The scatter of both sets of samples together (Chan, Golub and LeVeque, 1979). */
export function merged(a: Scatter, b: Scatter): Scatter {
  const count = a.count + b.count;
  const difference = b.mean.map((m, i) => m - a.mean[i]!);
  const weight = (a.count * b.count) / count;
  const f = difference.length;
  const products = a.products.map((sum, at) => {
    const i = Math.floor(at / f);
    return sum + b.products[at]! + difference[i]! * difference[at - i * f]! * weight;
  });
  const mean = a.mean.map((m, i) => m + (difference[i]! * b.count) / count);
  return { count, mean, products };
}
