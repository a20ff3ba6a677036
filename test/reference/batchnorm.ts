/**
 * Batch norm in float64, on [n, c, s]; rows are s = 1. One loop a formula.
 */
export interface Sizes {
  n: number;
  c: number;
  s: number;
}

export interface Statistics {
  mean: Float64Array;
  /** Over all m = n·s values, not m − 1. */
  variance: Float64Array;
}

type Numbers = ArrayLike<number>;

/** Mean and variance of each channel, in two passes. */
export function statistics(x: Numbers, { n, c, s }: Sizes): Statistics {
  const mean = new Float64Array(c);
  const variance = new Float64Array(c);
  const m = n * s;
  each({ n, c, s }, (i, j) => {
    mean[j]! += x[i]! / m;
  });
  // once more around the first answer, whose rounding is then gone
  const correction = new Float64Array(c);
  each({ n, c, s }, (i, j) => {
    correction[j]! += (x[i]! - mean[j]!) / m;
  });
  for (let j = 0; j < c; j++) mean[j]! += correction[j]!;
  each({ n, c, s }, (i, j) => {
    variance[j]! += (x[i]! - mean[j]!) ** 2 / m;
  });
  return { mean, variance };
}

export interface Affine {
  weight?: Numbers | undefined;
  bias?: Numbers | undefined;
  eps: number;
  relu?: boolean;
}

/** y = γ·(x − mean)/√(var + eps) + β, or max(y, 0). */
export function normalize(
  x: Numbers,
  { mean, variance }: { mean: Numbers; variance: Numbers },
  sizes: Sizes,
  { weight, bias, eps, relu }: Affine,
): Float64Array {
  const y = new Float64Array(x.length);
  each(sizes, (i, j) => {
    const normalized = (x[i]! - mean[j]!) / Math.sqrt(variance[j]! + eps);
    const z = (weight?.[j] ?? 1) * normalized + (bias?.[j] ?? 0);
    y[i] = relu && z < 0 ? 0 : z;
  });
  return y;
}

export interface Gradients {
  dx: Float64Array;
  dWeight: Float64Array;
  dBias: Float64Array;
}

/**
 * dβ = Σ dy, dγ = Σ dy·x̂, dx = γ/σ·(dy − dβ/m − x̂·dγ/m); with frozen statistics dx = γ/σ·dy.
 * A dy behind the ReLU counts where y is not ≤ 0.
 */
export function gradients(
  dy: Numbers,
  x: Numbers,
  { mean, variance }: { mean: Numbers; variance: Numbers },
  sizes: Sizes,
  affine: Affine,
  frozen = false,
): Gradients {
  const { n, c, s } = sizes;
  const { weight, eps, relu } = affine;
  const y = normalize(x, { mean, variance }, sizes, affine);
  const through = Float64Array.from(dy, (v, i) => (relu && y[i]! <= 0 ? 0 : v));
  const normalized = normalize(x, { mean, variance }, sizes, { eps });
  const dWeight = new Float64Array(c);
  const dBias = new Float64Array(c);
  each(sizes, (i, j) => {
    dBias[j]! += through[i]!;
    dWeight[j]! += through[i]! * normalized[i]!;
  });
  const m = n * s;
  const dx = new Float64Array(x.length);
  each(sizes, (i, j) => {
    const scale = (weight?.[j] ?? 1) / Math.sqrt(variance[j]! + eps);
    const pull = frozen ? 0 : dBias[j]! / m + (normalized[i]! * dWeight[j]!) / m;
    dx[i] = scale * (through[i]! - pull);
  });
  return { dx, dWeight, dBias };
}

/** Calls visit(element, channel) in the order of memory. */
function each({ n, c, s }: Sizes, visit: (i: number, j: number) => void): void {
  for (let i = 0; i < n * c * s; i++) visit(i, Math.floor(i / s) % c);
}
