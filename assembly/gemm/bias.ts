import { at, loadPartial, loadVector, storePartial } from '../lanes';
import { sumRuns, Terms } from '../reduce';

/** y[r, j] += b[j], in place, for rows [from, to). */
export function biasForward(
  y: usize, // [rows, n] f32, added to
  b: usize, // [n] f32
  n: i32,
  from: i32,
  to: i32,
): void {
  const stride = (<usize>n) << 2;
  addBias(y + <usize>from * stride, stride, b, to - from, n, false);
}

/** The epilogue of a matrix product: c[i, j] += bias[j], then max(·, 0) with `relu`. */
export function addBias(
  c: usize, // [m, n] f32, row stride `stride` bytes
  stride: usize,
  bias: usize, // [n] f32, or 0
  m: i32,
  n: i32,
  relu: bool,
): void {
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

/** Rows of a chunk. The sum of each chunk starts from zero, so that long sums stay accurate. */
const ROWS: i32 = 32;

/**
 * db[j] += Σ_r dy[r, j] for columns [from, to). Each chunk of 32 rows is summed row by row and then added to
 * db, so the order depends on the number of rows alone. Sixteen columns, a cache line of every row, are read
 * together.
 */
export function biasBackward(
  db: usize, // [n] f32, added to
  dy: usize, // [rows, n] f32
  rows: i32,
  n: i32,
  from: i32,
  to: i32,
): void {
  const stride = (<usize>n) << 2;
  for (let first = 0; first < rows; first += ROWS) {
    const block = dy + <usize>first * stride;
    const end = block + <usize>min(ROWS, rows - first) * stride;
    let j = from;
    for (; j + 16 <= to; j += 16) {
      let s0 = f32x4.splat(0);
      let s1 = s0;
      let s2 = s0;
      let s3 = s0;
      let p = at(block, j);
      const last = at(end, j);
      while (p != last) {
        s0 = f32x4.add(s0, v128.load(p));
        s1 = f32x4.add(s1, v128.load(p, 16));
        s2 = f32x4.add(s2, v128.load(p, 32));
        s3 = f32x4.add(s3, v128.load(p, 48));
        p += stride;
      }
      const q = at(db, j);
      v128.store(q, f32x4.add(v128.load(q), s0));
      v128.store(q, f32x4.add(v128.load(q, 16), s1), 16);
      v128.store(q, f32x4.add(v128.load(q, 32), s2), 32);
      v128.store(q, f32x4.add(v128.load(q, 48), s3), 48);
    }
    for (; j < to; j += 4) {
      const count = min(4, to - j);
      let sum = f32x4.splat(0);
      let p = at(block, j);
      const last = at(end, j);
      const q = at(db, j);
      if (count == 4) {
        while (p != last) {
          sum = f32x4.add(sum, v128.load(p));
          p += stride;
        }
        v128.store(q, f32x4.add(v128.load(q), sum));
      } else {
        while (p != last) {
          sum = f32x4.add(sum, loadPartial(p, count));
          p += stride;
        }
        storePartial(q, f32x4.add(loadPartial(q, count), sum), count);
      }
    }
  }
}

/** y[i, c, p] += b[c], then max(·, 0) with `relu`, in place, for images [from, to). */
export function channelBiasForward(
  y: usize, // [n, channels, plane] f32, added to
  b: usize, // [channels] f32, or 0
  channels: i32,
  plane: i32,
  relu: bool,
  from: i32,
  to: i32,
): void {
  const tail = plane & 3;
  let p = y + ((<usize>from * <usize>channels * <usize>plane) << 2);
  for (let i = from; i < to; i++) {
    for (let c = 0; c < channels; c++) {
      const shift = b ? v128.load32_splat(at(b, c)) : f32x4.splat(-0.0);
      const least = f32x4.splat(relu ? 0 : -Infinity);
      const end = at(p, plane - tail);
      while (p < end) {
        v128.store(p, f32x4.pmax(f32x4.add(v128.load(p), shift), least));
        p += 16;
      }
      if (tail) {
        storePartial(p, f32x4.pmax(f32x4.add(loadPartial(p, tail), shift), least), tail);
      }
      p = at(p, tail);
    }
  }
}

/** Σ x. */
@unmanaged
class Plain extends Terms {
  add(sum: v128, x: usize, y: usize, vector: i32, count: i32): v128 {
    return f32x4.add(sum, loadVector(x, vector, count));
  }
}

/**
 * db[c] += Σ_i Σ_p dy[i, c, p] for channels [from, to): a plane is summed in runs (reduce.ts), the planes in
 * float64.
 */
export function channelBiasBackward(
  db: usize, // [channels] f32, added to
  dy: usize, // [n, channels, plane] f32
  n: i32,
  channels: i32,
  plane: i32,
  from: i32,
  to: i32,
): void {
  const image = (<usize>channels * <usize>plane) << 2;
  for (let c = from; c < to; c++) {
    let total: f64 = 0;
    let p = dy + ((<usize>c * <usize>plane) << 2);
    for (let i = 0; i < n; i++) {
      total = sumRuns<Plain>(total, p, p, plane, 1, false);
      p += image;
    }
    store<f32>(at(db, c), load<f32>(at(db, c)) + <f32>total);
  }
}
