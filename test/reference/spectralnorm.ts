/** Spectral norm in float64, on [rows, cols]: w = W/σ, σ = uᵀWv. */
type Numbers = ArrayLike<number>;

function normalized(x: Float64Array, eps: number) {
  const length = Math.sqrt(x.reduce((sum, value) => sum + value ** 2, 0));
  return Float64Array.from(x, (value) => value / Math.max(length, eps));
}

/** v ← Wᵀu/max(‖Wᵀu‖, eps), u ← Wv/max(‖Wv‖, eps), `rounds` times over. */
export function powerIteration(w: Numbers, u: Numbers, cols: number, rounds = 1, eps = 1e-12) {
  let left = Float64Array.from(u);
  let right = new Float64Array(cols);
  for (; rounds > 0; rounds--) {
    right = normalized(
      right.map((_, j) => left.reduce((sum, value, i) => sum + value * w[i * cols + j]!, 0)),
      eps,
    );
    left = normalized(
      left.map((_, i) => right.reduce((sum, value, j) => sum + value * w[i * cols + j]!, 0)),
      eps,
    );
  }
  return { u: left, v: right };
}

export function sigma(w: Numbers, u: Numbers, v: Numbers): number {
  let sum = 0;
  for (let i = 0; i < u.length; i++) {
    for (let j = 0; j < v.length; j++) sum += u[i]! * w[i * v.length + j]! * v[j]!;
  }
  return sum;
}

export function spectralNorm(w: Numbers, u: Numbers, v: Numbers): Float64Array {
  const divisor = sigma(w, u, v);
  return Float64Array.from(w, (value) => value / divisor);
}

/** dW = (dw − u·vᵀ·Σ dw·W/σ)/σ, for constant u and v. */
export function spectralNormGradient(
  dw: Numbers,
  w: Numbers,
  u: Numbers,
  v: Numbers,
): Float64Array {
  const divisor = sigma(w, u, v);
  let product = 0;
  for (let k = 0; k < w.length; k++) product += (dw[k]! * w[k]!) / divisor;
  return Float64Array.from(dw, (value, k) => {
    const [i, j] = [Math.floor(k / v.length), k % v.length];
    return (value - product * u[i]! * v[j]!) / divisor;
  });
}
