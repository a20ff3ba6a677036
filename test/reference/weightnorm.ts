/** Weight norm in float64, on [rows, cols]: w = v·g/‖v‖. */
type Numbers = ArrayLike<number>;

function norms(v: Numbers, cols: number): Float64Array {
  return Float64Array.from({ length: v.length / cols }, (_, i) => {
    let squares = 0;
    for (let j = 0; j < cols; j++) squares += v[i * cols + j]! ** 2;
    return Math.sqrt(squares);
  });
}

export function weightNorm(v: Numbers, g: Numbers, cols: number): Float64Array {
  const length = norms(v, cols);
  return Float64Array.from(v, (value, k) => {
    const i = Math.floor(k / cols);
    return (value * g[i]!) / length[i]!;
  });
}

/** dg = Σ dw·v/‖v‖ and dv = g/‖v‖·(dw − v·Σ dw·v/‖v‖²). */
export function weightNormGradients(dw: Numbers, v: Numbers, g: Numbers, cols: number) {
  const length = norms(v, cols);
  const product = length.map((_, i) => {
    let sum = 0;
    for (let j = 0; j < cols; j++) sum += dw[i * cols + j]! * v[i * cols + j]!;
    return sum;
  });
  const dv = Float64Array.from(v, (value, k) => {
    const i = Math.floor(k / cols);
    return (g[i]! / length[i]!) * (dw[k]! - (value * product[i]!) / length[i]! ** 2);
  });
  return { dg: product.map((sum, i) => sum / length[i]!), dv };
}
