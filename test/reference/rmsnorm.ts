/** RMS norm in float64, on rows [n, d]. One loop a formula. */
type Numbers = ArrayLike<number>;

export interface Rows {
  n: number;
  d: number;
  weight?: Numbers | undefined;
  eps: number;
}

/** 1/√(mean of x² + eps) of each row. */
function inverses(x: Numbers, { n, d, eps }: Rows): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => {
    let squares = 0;
    for (let j = 0; j < d; j++) squares += x[i * d + j]! ** 2;
    return 1 / Math.sqrt(squares / d + eps);
  });
}

/** y = γ·x/√(mean of x² + eps). */
export function rmsNorm(x: Numbers, rows: Rows): Float64Array {
  const { d, weight } = rows;
  const r = inverses(x, rows);
  return Float64Array.from(x, (v, i) => v * r[Math.floor(i / d)]! * (weight?.[i % d] ?? 1));
}

/** With x̂ = x·r and g = dy·γ: dx = r·(g − x̂·Σ(g·x̂)/d) a row; dγ = Σ dy·x̂ a column. */
export function rmsNormGradients(dy: Numbers, x: Numbers, rows: Rows) {
  const { n, d, weight } = rows;
  const r = inverses(x, rows);
  const dx = new Float64Array(n * d);
  const dWeight = new Float64Array(d);
  for (let i = 0; i < n; i++) {
    const g = (j: number) => dy[i * d + j]! * (weight?.[j] ?? 1);
    const normalized = (j: number) => x[i * d + j]! * r[i]!;
    let product = 0;
    for (let j = 0; j < d; j++) product += g(j) * normalized(j);
    for (let j = 0; j < d; j++) {
      dx[i * d + j] = r[i]! * (g(j) - (normalized(j) * product) / d);
      dWeight[j]! += dy[i * d + j]! * normalized(j);
    }
  }
  return { dx, dWeight };
}
