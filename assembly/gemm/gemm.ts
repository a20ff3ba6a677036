import { at } from '../lanes';
import { addBias } from './bias';
import { MR, NR, TILE_BYTES, tile } from './microkernel';
import { interleave, packA, packB } from './pack';
import { multiplyRow } from './row';

/**
 * Matrix products by the scheme of Goto and van de Geijn ("Anatomy of High-Performance Matrix
 * Multiplication", 2008): a block of B, [KC, NC], and a block of A, [MC, KC], are packed into scratch and
 * stay in the caches while the microkernel computes one tile of C after the other.
 *
 *   for each NC columns of C
 *     for each KC steps of k          pack a block of B, [KC, NC], in column panels of 8
 *       for each MC rows of C         pack a block of A, [MC, KC], in row panels of MR
 *         for each tile of C          microkernel: [MR, 8] += row panel · column panel
 *
 * An element of C is the sum over the blocks of KC steps of (the sum over the steps inside a block, from
 * zero upward). So the order depends on k alone, never on m, n, the range of rows or the place in a tile.
 * If C has few columns, Cᵀ is computed in this way, and then transposed.
 */

/** Steps of k in one block: a column panel of B, [KC, 8], takes 8 KiB of the first-level cache. */
export const KC: i32 = 256;

/** Rows in one block of A, a multiple of 5 and of 6: [MC, KC] takes 120 KiB of the second-level cache. */
export const MC: i32 = 120;

/** Columns in one block of B: [KC, NC] takes 512 KiB. */
export const NC: i32 = 512;

/**
 * C (+)= A·B over the steps [from, to) of k, from packed blocks. If C has fewer than 8 columns left for a
 * tile, the tile is computed in `edge`, and those columns are copied.
 */
export function multiplyPacked(
  c: usize, // [m, n] f32, row stride `stride` bytes
  a: usize, // packed [m, k]
  b: usize, // packed [to - from, n]
  m: i32,
  n: i32,
  k: i32,
  from: i32,
  to: i32,
  stride: usize,
  add: bool,
  edge: usize, // [TILE_BYTES]
): void {
  const depth = to - from;
  const panel = (<usize>depth) << 5;
  for (let j = 0; j < n; j += NR) {
    const width = min(NR, n - j);
    let p = a;
    let row = at(c, j);
    for (let i = 0; i < m; i += MR) {
      const rows = min(MR, m - i);
      const first = at(p, rows * from);
      if (width == NR) {
        tile(row, stride, first, b, rows, depth, add);
      } else {
        tile(edge, NR * 4, first, b, rows, depth, false);
        storeColumns(row, stride, edge, rows, width, add);
      }
      p += (<usize>rows * <usize>k) << 2;
      row += <usize>rows * stride;
    }
    b += panel;
  }
}

/**
 * The end of the block of KC steps that holds step k, but at most `to`.
 * @inline
 */
export function blockEnd(k: i32, to: i32): i32 {
  return min((k / KC + 1) * KC, to);
}

/** Whether `count` byte offsets are those of consecutive floats. */
export function isRun(offsets: usize, count: i32): bool {
  const first = load<i32>(offsets);
  for (let i = 1; i < count; i++) {
    if (load<i32>(at(offsets, i)) != first + (i << 2)) return false;
  }
  return true;
}

/**
 * Whether four byte offsets are those of consecutive floats.
 * @inline
 */
export function isQuad(offsets: usize): bool {
  const run = i32x4.add(v128.load32_splat(offsets), i32x4(0, 4, 8, 12));
  return i32x4.all_true(i32x4.eq(v128.load(offsets), run));
}

/** Stores or adds the first `width` columns of a finished tile. */
function storeColumns(
  c: usize,
  stride: usize,
  edge: usize,
  rows: i32,
  width: i32,
  add: bool,
): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < width; j++) put(at(c, j), load<f32>(at(edge, j)), add);
    c += stride;
    edge += NR * 4;
  }
}

/** @inline */
function put(p: usize, value: f32, add: bool): void {
  store<f32>(p, add ? load<f32>(p) + value : value);
}

/** A narrow C has fewer columns and at least as many rows, so that its transpose is not narrow. */
const NARROW: i32 = 32;

/** Bytes of a GemmShape in scratch, rounded up so that what follows keeps its alignment. */
const SIZES: i32 = 64;

/** Bytes of scratch of a product [m, k]·[k, n]; for a range of rows, m is their number, or n for columns. */
export function gemmScratch(m: i32, n: i32, k: i32): f64 {
  // Eight columns more than C has, and a block of Cᵀ with its sizes, in case C is narrow.
  const width = (min(n, NC) + 2 * NR - 1) & -NR;
  return <f64>((min(m, MC) + width) * min(k, KC) * 4 + TILE_BYTES + SIZES + NARROW * MC * 4);
}

/** The sizes of a product C = A·B, and how its matrices lie in memory. */
@unmanaged
export class GemmShape {
  /** Rows of A and C. */
  m: i32;
  /** Columns of B and C. */
  n: i32;
  /** Columns of A and rows of B, which the product sums over. */
  k: i32;
  /** 1 if A is stored as its transpose, [k, m]. */
  transposeA: i32;
  /** 1 if B is stored as its transpose, [n, k]. */
  transposeB: i32;
  /** 1 if the product is added to what C holds; 0 overwrites C. */
  accumulate: i32;
  /**
   * 1 if [from, to) is a range of columns of C, 0 if of rows. Each share of rows packs all of B again, and each
   * share of columns all of A.
   */
  columns: i32;
}

/**
 * C = A·B, or C += A·B; then + bias in every row, and max(·, 0) with `relu`. Rows [from, to) of C, or columns
 * with `columns`.
 */
export function gemm(
  c: usize, // [m, n] f32, overwritten, or added to with `accumulate`
  a: usize, // [m, k] f32, or [k, m] with `transposeA`
  b: usize, // [k, n] f32, or [n, k] with `transposeB`
  bias: usize, // [n] f32, or 0
  shape: GemmShape,
  relu: i32,
  from: i32,
  to: i32,
  scratch: usize, // gemmScratch(to - from, n, k), or gemmScratch(m, to - from, k) with `columns`
): void {
  const n = shape.n;
  const k = shape.k;
  const columns = shape.columns != 0;
  const top = columns ? 0 : from;
  const bottom = columns ? shape.m : to;
  const left = columns ? from : 0;
  const right = columns ? to : n;
  const accumulate = shape.accumulate != 0;
  const stride = (<usize>n) << 2;
  // Whether neighbours in memory are neighbours along k.
  const aAlongK = !shape.transposeA;
  const bAlongK = shape.transposeB != 0;
  const lda = aAlongK ? k : shape.m;
  const ldb = bAlongK ? k : n;
  if (bottom - top == 1 && aAlongK && bAlongK) {
    const row = at(c + <usize>top * stride, left);
    const width = right - left;
    const line = (<usize>k) << 2;
    for (let pc = 0; pc < k; pc += KC) {
      const first = element(a, pc, top, k, true);
      const lines = element(b, pc, left, k, true);
      multiplyRow(row, first, lines, width, min(KC, k - pc), line, accumulate || pc > 0);
    }
    if (bias || relu) addBias(row, stride, bias ? at(bias, left) : 0, 1, width, relu != 0);
    return;
  }
  if (!(shape.transposeA | shape.accumulate | shape.columns) && isNarrow(to - from, n)) {
    const sizes = changetype<GemmShape>(scratch);
    const result = scratch + SIZES;
    sizes.m = n;
    sizes.k = k;
    sizes.transposeA = bAlongK ? 0 : 1;
    sizes.transposeB = 1;
    sizes.accumulate = 0;
    sizes.columns = 0;
    for (let ic = from; ic < to; ic += MC) {
      const height = min(MC, to - ic);
      const block = c + <usize>ic * stride;
      sizes.n = height;
      gemm(result, b, element(a, 0, ic, k, true), 0, sizes, 0, 0, n, at(result, NARROW * MC));
      interleave(block, result, height, n, n, height);
      if (bias || relu) addBias(block, stride, bias, height, n, relu != 0);
    }
    return;
  }
  const edge = scratch;
  const packedA = edge + TILE_BYTES;
  const packedB = at(packedA, min(bottom - top, MC) * min(k, KC));
  for (let jc = left; jc < right; jc += NC) {
    const width = min(NC, right - jc);
    for (let pc = 0; pc < k; pc += KC) {
      const depth = min(KC, k - pc);
      const add = accumulate || pc > 0;
      packB(packedB, element(b, pc, jc, ldb, bAlongK), ldb, width, depth, bAlongK);
      for (let ic = top; ic < bottom; ic += MC) {
        const height = min(MC, bottom - ic);
        packA(packedA, element(a, pc, ic, lda, aAlongK), lda, height, depth, MR, aAlongK);
        const block = at(c + <usize>ic * stride, jc);
        multiplyPacked(block, packedA, packedB, height, width, depth, 0, depth, stride, add, edge);
        if ((bias || relu) && pc + depth == k) {
          addBias(block, stride, bias ? at(bias, jc) : 0, height, width, relu != 0);
        }
      }
    }
  }
}

/**
 * Whether Cᵀ = Bᵀ·Aᵀ is computed instead of C = A·B, because C has few columns and over an eighth of its panels
 * would be empty. A tile has 8 columns and 5 rows: ten columns are two panels of 8, but two tiles of 5 rows.
 * @inline
 */
function isNarrow(m: i32, n: i32): bool {
  return n < NARROW && m >= NARROW && (-n & (NR - 1)) * NR > n;
}

/**
 * Address of element (k, i) of a matrix with leading dimension `ld`, stored along k ([i, k]) or not ([k, i]).
 * @inline
 */
function element(base: usize, k: i32, i: i32, ld: i32, alongK: bool): usize {
  const line = <usize>(alongK ? i : k) * <usize>ld;
  return base + ((line + <usize>(alongK ? k : i)) << 2);
}
