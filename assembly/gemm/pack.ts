import { at } from '../lanes';
import { transposeFour } from '../shuffle';
import { NR } from './microkernel';

/**
 * Packing copies blocks of A and B into panels in the order in which the microkernel reads them, so that its
 * two pointers only move forward.
 *
 *   A, a row panel of r rows:        dst[k·r + i] = A[i, k]
 *   B, a column panel of 8 columns:  dst[k·8 + j] = B[k, j], zero for columns that B does not have
 *
 *            memory of A [m, k]           row panel, r = 5
 *   row 0    a0 a1 a2 …                   a0 b0 c0 d0 e0 │ a1 b1 c1 d1 e1 │ a2 …
 *   row 1    b0 b1 b2 …              →      step k = 0        step k = 1
 *     ⋮       ⋮
 *   row 4    e0 e1 e2 …
 *
 * A matrix is stored along k (neighbours in memory are neighbours in k, as above), and is then transposed on
 * the way (`interleave`), or across k, and then pieces of its lines are copied (`gather`). `ld` is the
 * leading dimension: the floats from one line to the next.
 */

/** dst[k·width + i] = src[i·ld + k] for i < rows: packs a matrix that is stored along k. */
export function interleave(
  dst: usize, // [k, width] f32
  src: usize, // [rows, k] f32
  ld: i32,
  rows: i32,
  width: i32,
  k: i32,
): void {
  const line = (<usize>ld) << 2;
  const step = (<usize>width) << 2;
  const full = k & ~3;
  let i = 0;
  for (; i + 4 <= rows; i += 4) {
    let p = src + <usize>i * line;
    let q = at(dst, i);
    const end = at(p, full);
    while (p < end) {
      transposeFour(q, step, p, p + line, p + 2 * line, p + 3 * line);
      p += 16;
      q += 4 * step;
    }
    for (let rest = full; rest < k; rest++) {
      store<f32>(q, load<f32>(p));
      store<f32>(q, load<f32>(p + line), 4);
      store<f32>(q, load<f32>(p + 2 * line), 8);
      store<f32>(q, load<f32>(p + 3 * line), 12);
      p += 4;
      q += step;
    }
  }
  for (; i < rows; i++) {
    let p = src + <usize>i * line;
    let q = at(dst, i);
    const middle = at(p, full);
    const end = at(p, k);
    while (p < middle) {
      const v = v128.load(p);
      v128.store_lane<f32>(q, v, 0);
      v128.store_lane<f32>(q + step, v, 1);
      v128.store_lane<f32>(q + 2 * step, v, 2);
      v128.store_lane<f32>(q + 3 * step, v, 3);
      p += 16;
      q += 4 * step;
    }
    while (p < end) {
      store<f32>(q, load<f32>(p));
      p += 4;
      q += step;
    }
  }
}

/** dst[k·width + i] = src[k·ld + i] for i < rows: packs a matrix that is stored across k. */
export function gather(
  dst: usize, // [k, width] f32
  src: usize, // [k, rows] f32
  ld: i32,
  rows: i32,
  width: i32,
  k: i32,
): void {
  const line = (<usize>ld) << 2;
  const step = (<usize>width) << 2;
  if (rows == 8) gatherLines(8, dst, src, line, rows, step, k);
  else if (rows == 6) gatherLines(6, dst, src, line, rows, step, k);
  else if (rows == 5) gatherLines(5, dst, src, line, rows, step, k);
  else gatherLines(0, dst, src, line, rows, step, k);
}

/**
 * `known` is the number of rows if it is 5, 6 or 8, known at compile time, or 0.
 * @inline
 */
function gatherLines(
  known: i32,
  dst: usize,
  src: usize,
  line: usize,
  rows: i32,
  step: usize,
  k: i32,
): void {
  const end = src + <usize>k * line;
  while (src != end) {
    if (known == 0) {
      for (let i = 0; i < rows; i++) store<f32>(at(dst, i), load<f32>(at(src, i)));
    } else {
      v128.store(dst, v128.load(src));
    }
    if (known == 8) v128.store(dst, v128.load(src, 16), 16);
    if (known == 6) store<u64>(dst, load<u64>(src, 16), 16);
    if (known == 5) store<f32>(dst, load<f32>(src, 16), 16);
    src += line;
    dst += step;
  }
}

/** Packs B[0..k, 0..n] in column panels of 8, k·8 floats each. B is [n, k] if `alongK`, else [k, n]. */
export function packB(dst: usize, src: usize, ld: i32, n: i32, k: i32, alongK: bool): void {
  const between: usize = alongK ? (<usize>ld) << 2 : 4;
  for (let j = 0; j < n; j += NR) {
    const columns = min(NR, n - j);
    if (columns < NR) memory.fill(dst, 0, (<usize>k) << 5);
    const first = src + <usize>j * between;
    if (alongK) interleave(dst, first, ld, columns, NR, k);
    else gather(dst, first, ld, columns, NR, k);
    dst += (<usize>k) << 5;
  }
}

/**
 * Packs A[0..m, 0..k] in row panels of `height` rows, the last one with the rows that are left. A is [m, k]
 * if `alongK`, else [k, m].
 */
export function packA(
  dst: usize,
  src: usize,
  ld: i32,
  m: i32,
  k: i32,
  height: i32,
  alongK: bool,
): void {
  const between: usize = alongK ? (<usize>ld) << 2 : 4;
  for (let i = 0; i < m; i += height) {
    const rows = min(height, m - i);
    const first = src + <usize>i * between;
    if (alongK) interleave(dst, first, ld, rows, rows, k);
    else gather(dst, first, ld, rows, rows, k);
    dst += (<usize>rows * <usize>k) << 2;
  }
}
