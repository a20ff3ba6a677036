/** Layer norm in float64, on rows [n, d]. One loop a formula. */
type Numbers = ArrayLike<number>;

export interface Rows {
  n: number;
  d: number;
  weight?: Numbers | undefined;
  bias?: Numbers | undefined;
  eps: number;
}

/** x̂ = (x − mean)/√(variance + eps), and 1/√(variance + eps) of each row. */
export function standardize(
  x: Numbers,
  { n, d, eps }: Rows,
): { normalized: Float64Array; invStd: Float64Array } {
  const normalized = new Float64Array(n * d);
  const invStd = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const row = Float64Array.from({ length: d }, (_, j) => x[i * d + j]!);
    const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);
    const near = sum(row) / d;
    // once more around the first answer, whose rounding is then gone
    const mean = near + sum(row.map((v) => v - near)) / d;
    const centred = row.map((v) => v - mean);
    const variance = sum(centred.map((v) => v * v)) / d;
    invStd[i] = 1 / Math.sqrt(variance + eps);
    for (let j = 0; j < d; j++) normalized[i * d + j] = centred[j]! * invStd[i]!;
  }
  return { normalized, invStd };
}

/** y = γ·x̂ + β. */
export function layerNorm(x: Numbers, rows: Rows): Float64Array {
  const { d, weight, bias } = rows;
  const { normalized } = standardize(x, rows);
  return normalized.map((v, i) => (weight?.[i % d] ?? 1) * v + (bias?.[i % d] ?? 0));
}

/** With g = dy·γ: dx = (g − Σg/d − x̂·Σ(g·x̂)/d)·invStd a row; dγ = Σ dy·x̂ and dβ = Σ dy a column. */
export function layerNormGradients(dy: Numbers, x: Numbers, rows: Rows) {
  const { n, d, weight } = rows;
  const { normalized, invStd } = standardize(x, rows);
  const dx = new Float64Array(n * d);
  const dWeight = new Float64Array(d);
  const dBias = new Float64Array(d);
  for (let i = 0; i < n; i++) {
    let sum = 0;
    let product = 0;
    for (let j = 0; j < d; j++) {
      const at = i * d + j;
      const g = dy[at]! * (weight?.[j] ?? 1);
      sum += g;
      product += g * normalized[at]!;
      dBias[j]! += dy[at]!;
      dWeight[j]! += dy[at]! * normalized[at]!;
    }
    for (let j = 0; j < d; j++) {
      const at = i * d + j;
      const g = dy[at]! * (weight?.[j] ?? 1);
      dx[at] = (g - sum / d - (normalized[at]! * product) / d) * invStd[i]!;
    }
  }
  return { dx, dWeight, dBias };
}
