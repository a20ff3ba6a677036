/**
 * Spectral norm: a weight, seen as a matrix [rows, cols], divided by an estimate of its largest singular
 * value σ.
 *
 *   v  ← Wᵀu/‖Wᵀu‖      u ← Wv/‖Wv‖      one round of the power iteration
 *   σ  = uᵀWv
 *   w  = W/σ
 *   dW = (dw − P·u·vᵀ)/σ                  P = Σ dw·w; u and v count as constants
 *
 * σ is a sum over all rows, so these kernels take no range of rows.
 */
import { at, loadUpTo, madd, storeUpTo } from '../lanes';
import { CHUNK, chunksOf, sumChunks } from './chunks';
import { dot, scaleRow, squaredNorm } from './row';

/** Bytes of `partial` in a power iteration. */
export function powerIterationScratch(rows: i32, cols: i32): f64 {
  return 4 * <f64>chunksOf(rows) * <f64>cols;
}

/** Updates v and then u, `rounds` times. */
export function powerIteration(
  u: usize, // [rows] f32, updated
  v: usize, // [cols] f32, overwritten
  w: usize, // [rows, cols] f32, W
  rows: i32,
  cols: i32,
  eps: f64, // the smallest divisor
  rounds: i32,
  partial: usize, // powerIterationScratch(rows, cols): [⌈rows/256⌉, cols] f32
): void {
  const width = (<usize>cols) << 2;
  const chunks = chunksOf(rows);
  for (; rounds > 0; rounds--) {
    memory.fill(partial, 0, <usize>chunks * width);
    for (let i = 0; i < rows; i++) {
      const sums = partial + <usize>(i / CHUNK) * width;
      addScaledRow(sums, w + <usize>i * width, f32.load(at(u, i)), cols);
    }
    memory.fill(v, 0, width);
    sumChunks(v, partial, chunks, cols, 0, cols);
    normalize(v, cols, eps);
    for (let i = 0; i < rows; i++) {
      f32.store(at(u, i), <f32>dot(w + <usize>i * width, v, cols));
    }
    normalize(u, rows, eps);
  }
}

/** w = W/σ; returns σ. */
export function spectralNormForward(
  w: usize, // [rows, cols] f32
  u: usize, // [rows] f32
  v: usize, // [cols] f32
  original: usize, // [rows, cols] f32, W
  rows: i32,
  cols: i32,
): f64 {
  const width = (<usize>cols) << 2;
  let sigma: f64 = 0;
  for (let i = 0; i < rows; i++) {
    sigma += <f64>f32.load(at(u, i)) * dot(original + <usize>i * width, v, cols);
  }
  scaleRow(w, original, <f32>(1 / sigma), rows * cols);
  return sigma;
}

/** dW, which is added to. */
export function spectralNormBackward(
  dOriginal: usize, // [rows, cols] f32, dW, added to
  dw: usize, // [rows, cols] f32
  w: usize, // [rows, cols] f32
  u: usize, // [rows] f32
  v: usize, // [cols] f32
  sigma: f64,
  rows: i32,
  cols: i32,
): void {
  const width = (<usize>cols) << 2;
  const along = -dot(dw, w, rows * cols) / sigma;
  const share = f32x4.splat(<f32>(1 / sigma));
  for (let i = 0; i < rows; i++) {
    const o = <usize>i * width;
    const factor = f32x4.splat(<f32>(along * <f64>f32.load(at(u, i))));
    for (let j = 0; j < cols; j += 4) {
      const count = cols - j;
      const across = madd(loadUpTo(at(v, j), count), factor, loadUpTo(at(dOriginal + o, j), count));
      storeUpTo(at(dOriginal + o, j), madd(loadUpTo(at(dw + o, j), count), share, across), count);
    }
  }
}

/** x ← x/max(‖x‖, eps). */
function normalize(x: usize, n: i32, eps: f64): void {
  const length = sqrt(squaredNorm(x, n));
  // With the operands in this order a length of NaN stays NaN.
  scaleRow(x, x, <f32>(1 / (length < eps ? eps : length)), n);
}

/** y += a·x. */
function addScaledRow(y: usize, x: usize, a: f32, n: i32): void {
  const factor = f32x4.splat(a);
  for (let j = 0; j < n; j += 4) {
    const sum = madd(loadUpTo(at(x, j), n - j), factor, loadUpTo(at(y, j), n - j));
    storeUpTo(at(y, j), sum, n - j);
  }
}
