/** Float64 matrix products, written to be obviously right. */

export interface ProductOptions {
  /** A is stored [k, m]. */
  transposeA?: boolean;
  /** B is stored [n, k]. */
  transposeB?: boolean;
  /** Added to: C += A·B. */
  start?: ArrayLike<number>;
  /** One number a column of C. */
  bias?: ArrayLike<number>;
  relu?: boolean;
}

/** C[i, j] = start[i, j] + Σ_k A[i, k]·B[k, j] + bias[j], and max(·, 0) if asked. */
export function product(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  m: number,
  n: number,
  k: number,
  { transposeA, transposeB, start, bias, relu }: ProductOptions = {},
): Float64Array {
  const c = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = start ? start[i * n + j]! : 0;
      for (let l = 0; l < k; l++) {
        const left = a[transposeA ? l * m + i : i * k + l]!;
        const right = b[transposeB ? j * k + l : l * n + j]!;
        sum += left * right;
      }
      if (bias) sum += bias[j]!;
      c[i * n + j] = relu && sum < 0 ? 0 : sum;
    }
  }
  return c;
}
