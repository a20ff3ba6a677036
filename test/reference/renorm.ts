/** Batch renormalization in float64, on rows [n, c]: y = γ·((x − mean_B)/σ_B·r + d) + β, with r and d constants. */
import type { Statistics } from './batchnorm.ts';

type Numbers = ArrayLike<number>;

export interface Renormalization {
  eps: number;
  rMax: number;
  dMax: number;
}

const clamp = (v: number, low: number, high: number) => Math.min(Math.max(v, low), high);

/** r = clamp(σ_B/σ, 1/rMax, rMax) and d = clamp((mean_B − mean)/σ, −dMax, dMax) of each channel. */
export function corrections(
  batch: Statistics,
  running: { mean: Numbers; variance: Numbers },
  { eps, rMax, dMax }: Renormalization,
) {
  const own = batch.variance.map((v) => Math.sqrt(v + eps));
  const sd = own.map((_, j) => Math.sqrt(running.variance[j]! + eps));
  return {
    ratio: own.map((s, j) => clamp(s / sd[j]!, 1 / rMax, rMax)),
    drift: own.map((_, j) => clamp((batch.mean[j]! - running.mean[j]!) / sd[j]!, -dMax, dMax)),
  };
}

/** (x − mean_B)/σ_B·r + d: y of γ = 1 and β = 0. */
export function renormalized(
  x: Numbers,
  { mean, variance }: Statistics,
  { ratio, drift }: { ratio: Float64Array; drift: Float64Array },
  eps: number,
): Float64Array {
  const c = mean.length;
  return Float64Array.from(x, (v, i) => {
    const j = i % c;
    return ((v - mean[j]!) / Math.sqrt(variance[j]! + eps)) * ratio[j]! + drift[j]!;
  });
}

/** dγ = Σ dy·∂y/∂γ. */
export function renormWeightGradient(dy: Numbers, normalized: Numbers, c: number): Float64Array {
  const dWeight = new Float64Array(c);
  for (let i = 0; i < dy.length; i++) dWeight[i % c]! += dy[i]! * normalized[i]!;
  return dWeight;
}
