/**
 * Sums down many rows, for dγ and dβ: a column's sum stays in float32 for one chunk of 256 rows, and the
 * sums of the chunks are added in float64. The chunks follow from the number of rows alone, so the bits do
 * not depend on which ranges of rows the host asks for.
 */
import { at, loadUpTo, narrow, storeUpTo, widenHigh, widenLow } from '../lanes';

/** Rows of a chunk. */
export const CHUNK = 256;

/**
 * Chunks of n rows.
 * @inline
 */
export function chunksOf(n: i32): i32 {
  return (n + CHUNK - 1) / CHUNK;
}

/** total[j] += Σ partial[i, j] over the chunks, in float64 and in their order, for columns [from, to). */
export function sumChunks(
  total: usize, // [d] f32, added to
  partial: usize, // [chunks, stride] f32
  chunks: i32,
  stride: i32,
  from: i32,
  to: i32,
): void {
  const next = (<usize>stride) << 2;
  for (let j = from; j < to; j += 4) {
    const count = to - j;
    let p = at(partial, j);
    const end = p + <usize>chunks * next;
    const t = loadUpTo(at(total, j), count);
    let low = widenLow(t);
    let high = widenHigh(t);
    while (p != end) {
      const v = loadUpTo(p, count);
      low = f64x2.add(low, widenLow(v));
      high = f64x2.add(high, widenHigh(v));
      p += next;
    }
    storeUpTo(at(total, j), narrow(low, high), count);
  }
}

/** dγ += Σ partial[i, 0, j] and dβ += Σ partial[i, 1, j] over the chunks, for columns [from, to). */
export function sumPairsOfChunks(
  dWeight: usize, // [d] f32, added to; 0: not needed
  dBias: usize, // [d] f32, added to; 0: not needed
  partial: usize, // [chunks, lines, d] f32
  chunks: i32,
  lines: i32,
  d: i32,
  from: i32,
  to: i32,
): void {
  if (dWeight) sumChunks(dWeight, partial, chunks, lines * d, from, to);
  if (dBias) sumChunks(dBias, at(partial, d), chunks, lines * d, from, to);
}
