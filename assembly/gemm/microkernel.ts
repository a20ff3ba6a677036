import { madd } from '../lanes';

/**
 * The microkernel of every matrix product and convolution: a tile of C, [rows, 8], stays in registers while
 * k runs over a packed row panel of A and a packed column panel of B.
 *
 *   C[i, j] (+)= Σ_k A[k, i]·B[k, j]
 *
 *            b0 = B[k, 0..3]   b1 = B[k, 4..7]
 *   A[k, 0] →    c00              c01
 *   A[k, 1] →    c10              c11          ten accumulators, two of B, one of A and one for
 *      ⋮          ⋮                ⋮           the product: 14 of the 15 registers that V8 gives.
 *   A[k, 4] →    c40              c41
 *
 * The loop takes one step of k an iteration and is tested at its top. If it is unrolled by hand, V8 hoists
 * the loads and spills; if it is tested at its end, it runs at half speed on Node 20.
 */

/** Columns of a tile, and so of a column panel of B. */
export const NR: i32 = 8;

/** Rows of a full tile. A sixth row fits the registers only if multiply-add is one instruction. */
export const MR: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 5;

/** Bytes of a full tile. If C has fewer than 8 columns left, the tile is computed in scratch. */
export const TILE_BYTES: i32 = MR * NR * 4;

/**
 * One row of a finished tile, stored or added at p.
 * @inline
 */
function finish(p: usize, low: v128, high: v128, add: bool): void {
  if (add) {
    v128.store(p, f32x4.add(v128.load(p), low));
    v128.store(p, f32x4.add(v128.load(p, 16), high), 16);
  } else {
    v128.store(p, low);
    v128.store(p, high, 16);
  }
}

/**
 * The tile for a number of rows that is known at compile time; the code of further rows folds away. A row's
 * arithmetic is the same for every number, so C does not depend on how it is cut into tiles.
 * @inline
 */
function block(rows: i32, c: usize, stride: usize, a: usize, b: usize, k: i32, add: bool): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  let c40 = f32x4.splat(0);
  let c41 = f32x4.splat(0);
  let c50 = f32x4.splat(0);
  let c51 = f32x4.splat(0);
  const end = b + ((<usize>k) << 5);
  while (b < end) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load32_splat(a);
    c00 = madd(a0, b0, c00);
    c01 = madd(a0, b1, c01);
    if (rows > 1) {
      const a1 = v128.load32_splat(a, 4);
      c10 = madd(a1, b0, c10);
      c11 = madd(a1, b1, c11);
    }
    if (rows > 2) {
      const a2 = v128.load32_splat(a, 8);
      c20 = madd(a2, b0, c20);
      c21 = madd(a2, b1, c21);
    }
    if (rows > 3) {
      const a3 = v128.load32_splat(a, 12);
      c30 = madd(a3, b0, c30);
      c31 = madd(a3, b1, c31);
    }
    if (rows > 4) {
      const a4 = v128.load32_splat(a, 16);
      c40 = madd(a4, b0, c40);
      c41 = madd(a4, b1, c41);
    }
    if (rows > 5) {
      const a5 = v128.load32_splat(a, 20);
      c50 = madd(a5, b0, c50);
      c51 = madd(a5, b1, c51);
    }
    a += (<usize>rows) << 2;
    b += 32;
  }
  finish(c, c00, c01, add);
  if (rows > 1) finish(c + stride, c10, c11, add);
  if (rows > 2) finish(c + 2 * stride, c20, c21, add);
  if (rows > 3) finish(c + 3 * stride, c30, c31, add);
  if (rows > 4) finish(c + 4 * stride, c40, c41, add);
  if (rows > 5) finish(c + 5 * stride, c50, c51, add);
}

function block1(c: usize, stride: usize, a: usize, b: usize, k: i32, add: bool): void {
  block(1, c, stride, a, b, k, add);
}

function block2(c: usize, stride: usize, a: usize, b: usize, k: i32, add: bool): void {
  block(2, c, stride, a, b, k, add);
}

function block3(c: usize, stride: usize, a: usize, b: usize, k: i32, add: bool): void {
  block(3, c, stride, a, b, k, add);
}

function block4(c: usize, stride: usize, a: usize, b: usize, k: i32, add: bool): void {
  block(4, c, stride, a, b, k, add);
}

function block5(c: usize, stride: usize, a: usize, b: usize, k: i32, add: bool): void {
  block(5, c, stride, a, b, k, add);
}

function block6(c: usize, stride: usize, a: usize, b: usize, k: i32, add: bool): void {
  block(6, c, stride, a, b, k, add);
}

/** One tile of 1 to MR rows, full width: C is overwritten, or added to if `add` is set. */
export function tile(
  c: usize, // [rows, 8] f32, row stride `stride` bytes
  stride: usize,
  a: usize, // [k, rows] f32
  b: usize, // [k, 8] f32
  rows: i32,
  k: i32,
  add: bool,
): void {
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (rows == 6) {
      block6(c, stride, a, b, k, add);
      return;
    }
  }
  if (rows == 5) block5(c, stride, a, b, k, add);
  else if (rows == 4) block4(c, stride, a, b, k, add);
  else if (rows == 3) block3(c, stride, a, b, k, add);
  else if (rows == 2) block2(c, stride, a, b, k, add);
  else block1(c, stride, a, b, k, add);
}
