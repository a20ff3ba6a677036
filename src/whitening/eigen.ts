import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

export interface Eigen {
  /** The largest first. Values that rounding made negative are 0. */
  readonly values: Float64Array;
  /** [n, n], a vector a row. The entry of largest magnitude is positive, as in scikit-learn's `svd_flip`. */
  readonly vectors: Float64Array;
}

/**
 * Eigenvalues and eigenvectors of a symmetric, positive semidefinite matrix [n, n].
 *
 * Features are sorted by variance, the smallest first. The reduction to tridiagonal form begins at the last
 * feature, so the large numbers are eliminated before it reaches the small ones, and the small eigenvalues
 * stay accurate.
 */
export function eigen(matrix: Float64Array, n: number): Eigen {
  const places = Array.from({ length: n }, (_, i) => i);
  const order = [...places].sort((i, j) => matrix[i * n + i]! - matrix[j * n + j]!);
  const graded = new Matrix(n, n);
  for (const [row, i] of order.entries()) {
    for (const [column, j] of order.entries()) graded.set(row, column, matrix[i * n + j]!);
  }
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(graded, {
    assumeSymmetric: true,
  });
  const ranks = [...places].sort((i, j) => realEigenvalues[j]! - realEigenvalues[i]!);
  const vectors = new Float64Array(n * n);
  for (const [row, column] of ranks.entries()) {
    let largest = 0;
    for (const [place, i] of order.entries()) {
      vectors[row * n + i] = eigenvectorMatrix.get(place, column);
    }
    for (let i = row * n; i < (row + 1) * n; i++) {
      if (Math.abs(vectors[i]!) > Math.abs(largest)) largest = vectors[i]!;
    }
    if (largest > 0) continue;
    for (let i = row * n; i < (row + 1) * n; i++) vectors[i] = -vectors[i]!;
  }
  const values = Float64Array.from(ranks, (rank) => Math.max(realEigenvalues[rank]!, 0));
  return { values, vectors };
}
