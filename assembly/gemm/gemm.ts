import { at, loadPartial, storePartial } from '../lanes';
import { MR, NR, TILE_BYTES, tile } from './microkernel';
import { packA, packB } from './pack';
import { multiplyRow } from './row';

/**
 * Matrix products by the scheme of Goto and van de Geijn ("Anatomy of High-Performance Matrix
 * Multiplication", 2008): a block of B, [KC, NC], and a block of A, [MC, KC], are packed into
 * scratch and stay in the caches while a register tile walks over them.
 *
 * An element of C is Σ over blocks of KC of (Σ over k inside the block, from zero upward): the order
 * depends on k alone, never on m, n, the range of rows or the place in a tile.
 */

/** k of one block: a panel of B, [KC, 8], takes 8 KiB of the first-level cache. */
export const KC: i32 = 256;

/** Rows of one block of A, a multiple of 5 and of 6: [MC, KC] takes 120 KiB of the second level. */
export const MC: i32 = 120;

/** Columns of one block of B: [KC, NC] takes 512 KiB. */
export const NC: i32 = 512;

/** C (+)= A·B over the steps [from, to) of k, from packed blocks; ragged tiles go through `edge`. */
export function multiplyPacked(
  c: usize, // [m, n] f32, rows `stride` bytes apart
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
 * Where the block of KC that holds step k ends, at `to` at the latest.
 * @inline
 */
export function blockEnd(k: i32, to: i32): i32 {
  return min((k / KC + 1) * KC, to);
}

/** Whether `count` byte offsets are those of neighbouring floats. */
export function isRun(offsets: usize, count: i32): bool {
  const first = load<i32>(offsets);
  for (let i = 1; i < count; i++) {
    if (load<i32>(at(offsets, i)) != first + (i << 2)) return false;
  }
  return true;
}

/**
 * The same of four.
 * @inline
 */
export function isQuad(offsets: usize): bool {
  const run = i32x4.add(v128.load32_splat(offsets), i32x4(0, 4, 8, 12));
  return i32x4.all_true(i32x4.eq(v128.load(offsets), run));
}

/** Stores or adds the first `width` columns of a finished tile, neighbours in C. */
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

/** C[i, j] += bias[j], then max(·, 0) where asked, on a finished block. */
function epilogue(c: usize, stride: usize, bias: usize, m: i32, n: i32, relu: bool): void {
  const zero = f32x4.splat(0);
  const tail = n & 3;
  for (let i = 0; i < m; i++) {
    let p = c + <usize>i * stride;
    let q = bias;
    const end = at(p, n - tail);
    while (p < end) {
      let v = v128.load(p);
      if (bias) v = f32x4.add(v, v128.load(q));
      if (relu) v = f32x4.pmax(v, zero);
      v128.store(p, v);
      p += 16;
      q += 16;
    }
    if (tail) {
      let v = loadPartial(p, tail);
      if (bias) v = f32x4.add(v, loadPartial(q, tail));
      if (relu) v = f32x4.pmax(v, zero);
      storePartial(p, v, tail);
    }
  }
}

/** Bytes of scratch of a product [m, k]·[k, n]; for a range of rows, of that many rows. */
export function gemmScratch(m: i32, n: i32, k: i32): usize {
  const depth = <usize>min(k, KC);
  const width = <usize>((min(n, NC) + NR - 1) & -NR);
  return ((<usize>min(m, MC) * depth + width * depth) << 2) + TILE_BYTES;
}

function gemm(
  c: usize,
  a: usize,
  b: usize,
  bias: usize,
  m: i32,
  n: i32,
  k: i32,
  accumulate: i32,
  relu: i32,
  from: i32,
  to: i32,
  aAcross: bool,
  bAcross: bool,
  scratch: usize,
): void {
  const stride = (<usize>n) << 2;
  const aStride = aAcross ? m : k;
  const bStride = bAcross ? n : k;
  if (to - from == 1 && !aAcross && !bAcross) {
    const row = c + <usize>from * stride;
    const line = (<usize>k) << 2;
    for (let pc = 0; pc < k; pc += KC) {
      const first = element(a, pc, from, k, false);
      multiplyRow(row, first, at(b, pc), n, min(KC, k - pc), line, accumulate != 0 || pc > 0);
    }
    if (bias || relu) epilogue(row, stride, bias, 1, n, relu != 0);
    return;
  }
  const edge = scratch;
  const packedA = edge + TILE_BYTES;
  const packedB = at(packedA, min(to - from, MC) * min(k, KC));
  for (let jc = 0; jc < n; jc += NC) {
    const width = min(NC, n - jc);
    for (let pc = 0; pc < k; pc += KC) {
      const depth = min(KC, k - pc);
      packB(packedB, element(b, pc, jc, bStride, bAcross), bStride, width, depth, bAcross);
      for (let ic = from; ic < to; ic += MC) {
        const height = min(MC, to - ic);
        packA(packedA, element(a, pc, ic, aStride, aAcross), aStride, height, depth, MR, aAcross);
        const block = at(c + <usize>ic * stride, jc);
        const add = accumulate != 0 || pc > 0;
        multiplyPacked(block, packedA, packedB, height, width, depth, 0, depth, stride, add, edge);
        if ((bias || relu) && pc + depth == k) {
          epilogue(block, stride, bias ? at(bias, jc) : 0, height, width, relu != 0);
        }
      }
    }
  }
}

/**
 * Address of element (k, i) of a matrix whose lines run across k (stored [k, i]) or along it.
 * @inline
 */
function element(base: usize, k: i32, i: i32, stride: i32, across: bool): usize {
  const line = <usize>(across ? k : i) * <usize>stride;
  return base + ((line + <usize>(across ? i : k)) << 2);
}

/**
 * C = A·B, or C += A·B; then + bias in every row and max(·, 0) where asked. Rows [from, to).
 */
export function gemmNN(
  c: usize, // [m, n] f32, overwritten, or added to if `accumulate`
  a: usize, // [m, k] f32
  b: usize, // [k, n] f32
  bias: usize, // [n] f32, or 0
  m: i32,
  n: i32,
  k: i32,
  accumulate: i32,
  relu: i32,
  from: i32,
  to: i32,
  scratch: usize, // gemmScratch(to - from, n, k)
): void {
  gemm(c, a, b, bias, m, n, k, accumulate, relu, from, to, false, true, scratch);
}

/**
 * C = A·Bᵀ, or C += A·Bᵀ; then + bias in every row and max(·, 0) where asked. Rows [from, to).
 */
export function gemmNT(
  c: usize, // [m, n] f32, overwritten, or added to if `accumulate`
  a: usize, // [m, k] f32
  b: usize, // [n, k] f32
  bias: usize, // [n] f32, or 0
  m: i32,
  n: i32,
  k: i32,
  accumulate: i32,
  relu: i32,
  from: i32,
  to: i32,
  scratch: usize, // gemmScratch(to - from, n, k)
): void {
  gemm(c, a, b, bias, m, n, k, accumulate, relu, from, to, false, false, scratch);
}

/**
 * C = Aᵀ·B, or C += Aᵀ·B; then + bias in every row and max(·, 0) where asked. Rows [from, to).
 */
export function gemmTN(
  c: usize, // [m, n] f32, overwritten, or added to if `accumulate`
  a: usize, // [k, m] f32
  b: usize, // [k, n] f32
  bias: usize, // [n] f32, or 0
  m: i32,
  n: i32,
  k: i32,
  accumulate: i32,
  relu: i32,
  from: i32,
  to: i32,
  scratch: usize, // gemmScratch(to - from, n, k)
): void {
  gemm(c, a, b, bias, m, n, k, accumulate, relu, from, to, true, true, scratch);
}
