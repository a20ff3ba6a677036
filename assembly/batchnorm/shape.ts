/**
 * The data of the batch norm kernels: the shape of x, the blocks of per-channel numbers, and the scratch
 * memory.
 *
 *   statistics   [4, c] f32     K, δ, variance, 1/σ       of one batch: mean = K + δ, σ = √(variance + eps)
 *                [6, c] f32     and r, d                  with batch renormalization (channels.ts)
 *   coefficients [5, c] f32     K, a, b, p, q             y = (x − K)·a + b, dx = dy·a + (x − K)·p + q
 *   totals       [2, C] f64     Σ u, Σ u·d                C = c rounded up to 16; u in equations.ts
 */

import { at } from '../lanes';

/** Sizes of x, y, dx and dy: planes [n, c, s], or with s = 0 rows [n, c] (images with channels last, too). */
@unmanaged
export class BatchNormShape {
  n: i32;
  c: i32;
  s: i32;
}

/** A pointer to a block of statistics. */
export type Statistics = usize;
/** Rows of a block of statistics. */
export const SHIFT = 0; // K; also the first row of coefficients
export const DELTA = 1; // δ
export const VARIANCE = 2;
export const INV_STD = 3; // 1/σ
export const RATIO = 4; // r
export const DRIFT = 5; // d

/** A pointer to a block of coefficients. */
export type Coefficients = usize;
/** Rows of a block of coefficients, after SHIFT. */
export const SCALE = 1; // a
export const OFFSET = 2; // b
export const SLOPE = 3; // p
export const INTERCEPT = 4; // q

/**
 * Row i of a block of c numbers a row.
 * @inline
 */
export function rowOf(block: usize, c: i32, i: i32): usize {
  return block + <usize>i * ((<usize>c) << 2);
}

/**
 * Element (i, j) of a block of c numbers a row.
 * @inline
 */
export function cell(block: usize, c: i32, i: i32, j: i32): usize {
  return at(rowOf(block, c, i), j);
}

/**
 * The largest number of channels of a long row: five repeated rows of this length stay in the first-level
 * cache.
 */
export const PERIOD = 1024;
/**
 * Bytes from one repeated row to the next, four vectors more than PERIOD takes. A span of 4096 would give
 * all five the same low address bits, and they would evict each other from the cache.
 */
export const SPAN: usize = 4160;

/**
 * Bytes of one of the two totals, Σ u or Σ u·d.
 * @inline
 */
export function totalsBytes(c: i32): usize {
  return (<usize>((c + 15) & ~15)) << 3;
}

/**
 * Bytes of scratch that the kernels of batch norm take for one call: the totals, followed for rows by the
 * five repeated rows.
 */
export function batchNormScratch(shape: BatchNormShape): f64 {
  const totals: f64 = 16 * <f64>((shape.c + 15) & ~15);
  return shape.s ? totals : totals + <f64>(5 * SPAN);
}

/**
 * The repeated rows in scratch, after the totals.
 * @inline
 */
export function repeatedRows(scratch: usize, c: i32): usize {
  return scratch + 2 * totalsBytes(c);
}
