import { at } from '../lanes';
import { NR } from './microkernel';

/**
 * Packing: panels in the order the microkernel reads them, so that its two pointers only walk.
 *
 *   A, a tile of r rows:     dst[k·r + i] = A[i, k]
 *   B, a panel of 8 columns: dst[k·8 + j] = B[k, j], zero for columns that B does not have
 *
 * A matrix lies in memory either along k (interleave) or across it (gather rows of k).
 */

/**
 * Transposes the 4 × 4 floats whose rows start at r0 … r3, to rows `stride` bytes apart at dst.
 *
 *   r0 a0 a1 a2 a3      a0 b0 c0 d0
 *   r1 b0 b1 b2 b3  →   a1 b1 c1 d1
 *   r2 c0 c1 c2 c3      a2 b2 c2 d2
 *   r3 d0 d1 d2 d3      a3 b3 c3 d3
 * @inline
 */
export function transpose(
  dst: usize,
  stride: usize,
  r0: usize,
  r1: usize,
  r2: usize,
  r3: usize,
): void {
  const v0 = v128.load(r0);
  const v1 = v128.load(r1);
  const v2 = v128.load(r2);
  const v3 = v128.load(r3);
  const low01 = v128.shuffle<f32>(v0, v1, 0, 4, 1, 5);
  const low23 = v128.shuffle<f32>(v2, v3, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(v0, v1, 2, 6, 3, 7);
  const high23 = v128.shuffle<f32>(v2, v3, 2, 6, 3, 7);
  v128.store(dst, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
  v128.store(dst + stride, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
  v128.store(dst + 2 * stride, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
  v128.store(dst + 3 * stride, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
}

/** dst[k·width + i] = src[i·ld + k] for i < rows: lines of k are interleaved. */
export function interleave(
  dst: usize, // [k, width] f32
  src: usize, // [rows, k] f32, rows `ld` floats apart
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
      transpose(q, step, p, p + line, p + 2 * line, p + 3 * line);
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

/** dst[k·width + i] = src[k·ld + i] for i < rows: pieces of lines across k are gathered. */
export function gather(
  dst: usize, // [k, width] f32
  src: usize, // [k, rows] f32, lines `ld` floats apart
  ld: i32,
  rows: i32,
  width: i32,
  k: i32,
): void {
  const line = (<usize>ld) << 2;
  const step = (<usize>width) << 2;
  let p = src;
  let q = dst;
  const end = src + <usize>k * line;
  if (rows == 8) {
    while (p < end) {
      v128.store(q, v128.load(p));
      v128.store(q, v128.load(p, 16), 16);
      p += line;
      q += step;
    }
  } else if (rows == 5) {
    while (p < end) {
      v128.store(q, v128.load(p));
      store<f32>(q, load<f32>(p, 16), 16);
      p += line;
      q += step;
    }
  } else if (rows == 6) {
    while (p < end) {
      v128.store(q, v128.load(p));
      store<u64>(q, load<u64>(p, 16), 16);
      p += line;
      q += step;
    }
  } else {
    while (p < end) {
      for (let i = 0; i < rows; i++) store<f32>(at(q, i), load<f32>(at(p, i)));
      p += line;
      q += step;
    }
  }
}

/**
 * Packs B[0..k, 0..n] in panels of 8 columns, k·8 floats each. `across` tells that lines run along
 * n (B is stored [k, n]) and not along k ([n, k]).
 */
export function packB(dst: usize, src: usize, ld: i32, n: i32, k: i32, across: bool): void {
  for (let j = 0; j < n; j += NR) {
    const columns = min(NR, n - j);
    if (columns < NR) memory.fill(dst, 0, (<usize>k) << 5);
    if (across) gather(dst, at(src, j), ld, columns, NR, k);
    else interleave(dst, src + ((<usize>j * <usize>ld) << 2), ld, columns, NR, k);
    dst += (<usize>k) << 5;
  }
}

/**
 * Packs A[0..m, 0..k] in tiles of `height` rows, the last with what is left. `across` tells that
 * lines run along m (A is stored [k, m]) and not along k ([m, k]).
 */
export function packA(
  dst: usize,
  src: usize,
  ld: i32,
  m: i32,
  k: i32,
  height: i32,
  across: bool,
): void {
  for (let i = 0; i < m; i += height) {
    const rows = min(height, m - i);
    if (across) gather(dst, at(src, i), ld, rows, rows, k);
    else interleave(dst, src + ((<usize>i * <usize>ld) << 2), ld, rows, rows, k);
    dst += (<usize>rows * <usize>k) << 2;
  }
}
