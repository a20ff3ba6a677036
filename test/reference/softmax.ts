/** Softmax and log-softmax in float64 over the middle axis of [n, c, inner]. */

/** Calls `visit` with the indices of each row along c. */
export function forRows(
  [n, c, inner]: readonly [number, number, number],
  visit: (indices: number[]) => void,
): void {
  for (let r = 0; r < n; r++) {
    for (let i = 0; i < inner; i++) {
      visit(Array.from({ length: c }, (_, k) => (r * c + k) * inner + i));
    }
  }
}

type Dims = readonly [number, number, number];

export function logSoftmax(x: ArrayLike<number>, dims: Dims): Float64Array {
  const y = new Float64Array(x.length);
  forRows(dims, (row) => {
    const largest = Math.max(...row.map((i) => x[i]!));
    const sum = row.reduce((total, i) => total + Math.exp(x[i]! - largest), 0);
    for (const i of row) y[i] = x[i]! - largest - Math.log(sum);
  });
  return y;
}

export function softmax(x: ArrayLike<number>, dims: Dims): Float64Array {
  return logSoftmax(x, dims).map(Math.exp);
}

/** dx_k = y_k·(dy_k − Σ dy·y). */
export function softmaxGradient(
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  dims: Dims,
): Float64Array {
  const y = softmax(x, dims);
  const dx = new Float64Array(x.length);
  forRows(dims, (row) => {
    const dot = row.reduce((total, i) => total + dy[i]! * y[i]!, 0);
    for (const i of row) dx[i] = y[i]! * (dy[i]! - dot);
  });
  return dx;
}

/** dx_k = dy_k − y_k·Σ dy, y = softmax(x). */
export function logSoftmaxGradient(
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
  dims: Dims,
): Float64Array {
  const y = softmax(x, dims);
  const dx = new Float64Array(x.length);
  forRows(dims, (row) => {
    const sum = row.reduce((total, i) => total + dy[i]!, 0);
    for (const i of row) dx[i] = dy[i]! - y[i]! * sum;
  });
  return dx;
}
