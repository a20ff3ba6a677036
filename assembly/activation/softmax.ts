/**
 * Softmax and log-softmax over the middle axis of [n, c, inner], and the functions that cross entropy shares with
 * them. With inner = 1 the c numbers of a row are contiguous, and a vector holds four of them. Otherwise a vector
 * holds four neighbouring positions, and loops run down their c numbers. Either way the result of a position
 * depends on its own c numbers alone.
 *
 * The row's largest number m is subtracted first, so that exp never overflows. A NaN in a row, or an infinite m,
 * makes the whole row NaN, as in PyTorch.
 */
import { at, keepUpTo, loadUpTo, storeUpTo, sumLanes } from '../lanes';
import { expLanes, expNonPositive, logLanes } from '../math';

/**
 * ln s of one number, with the bits of `logLanes`.
 * @inline
 */
export function logOf(s: f32): f32 {
  return f32x4.extract_lane(logLanes(f32x4.splat(s)), 0);
}

/** max over a row. NaN entries are ignored: they make the sum NaN anyway. */
export function rowMax(
  x: usize, // [c] f32
  c: i32,
): f32 {
  const tail = c & 3;
  const end = at(x, c - tail);
  let best = f32x4.splat(-Infinity);
  while (x < end) {
    best = f32x4.pmax(best, v128.load(x));
    x += 16;
  }
  let m = max(
    max(f32x4.extract_lane(best, 0), f32x4.extract_lane(best, 1)),
    max(f32x4.extract_lane(best, 2), f32x4.extract_lane(best, 3)),
  );
  for (const last = at(x, tail); x < last; x += 4) {
    const v = load<f32>(x);
    if (v > m) m = v;
  }
  return m;
}

/** y = exp(x − m) over a row; returns Σy. y may be x. */
export function rowExp(
  y: usize, // [c] f32
  x: usize, // [c] f32
  m: f32,
  c: i32,
): f32 {
  const shift = f32x4.splat(m);
  let sum = f32x4.splat(0);
  let k = 0;
  for (; k + 8 <= c; k += 8) {
    const low = expNonPositive(f32x4.sub(v128.load(at(x, k)), shift));
    const high = expNonPositive(f32x4.sub(v128.load(at(x, k), 16), shift));
    v128.store(at(y, k), low);
    v128.store(at(y, k), high, 16);
    sum = f32x4.add(f32x4.add(sum, low), high);
  }
  for (; k < c; k += 4) {
    const count = c - k;
    const e = expNonPositive(f32x4.sub(loadUpTo(at(x, k), count), shift));
    storeUpTo(at(y, k), e, count);
    sum = f32x4.add(sum, keepUpTo(e, count));
  }
  return sumLanes(sum);
}

/** y = factor·y over a row. */
export function rowScale(
  y: usize, // [c] f32
  factor: f32,
  c: i32,
): void {
  const f = f32x4.splat(factor);
  for (let k = 0; k < c; k += 4) {
    const count = c - k;
    storeUpTo(at(y, k), f32x4.mul(loadUpTo(at(y, k), count), f), count);
  }
}

/** max down a column of up to four positions. */
export function columnMax(
  x: usize, // [c, inner] f32
  c: i32,
  stride: usize, // bytes from one of the c to the next
  count: i32,
): v128 {
  let best = f32x4.splat(-Infinity);
  const end = x + <usize>c * stride;
  while (x != end) {
    best = f32x4.pmax(best, loadUpTo(x, count));
    x += stride;
  }
  return best;
}

/** y = exp(x − m) down a column; returns Σy of each position. y may be x. */
export function columnExp(
  y: usize, // [c, inner] f32
  x: usize, // [c, inner] f32
  m: v128,
  c: i32,
  stride: usize,
  count: i32,
): v128 {
  let sum = f32x4.splat(0);
  const end = x + <usize>c * stride;
  while (x != end) {
    const e = expNonPositive(f32x4.sub(loadUpTo(x, count), m));
    storeUpTo(y, e, count);
    sum = f32x4.add(sum, e);
    x += stride;
    y += stride;
  }
  return sum;
}

/** y = factor·y down a column. */
export function columnScale(
  y: usize, // [c, inner] f32
  factor: v128,
  c: i32,
  stride: usize,
  count: i32,
): void {
  const end = y + <usize>c * stride;
  while (y != end) {
    storeUpTo(y, f32x4.mul(loadUpTo(y, count), factor), count);
    y += stride;
  }
}

/** y_k = exp(x_k − m) / Σ_j exp(x_j − m), m = max x, for rows [from, to) of n; y may be x. */
export function softmaxForward(
  y: usize, // [n, c, inner] f32
  x: usize, // [n, c, inner] f32
  c: i32,
  inner: i32,
  from: i32,
  to: i32,
): void {
  const stride = (<usize>inner) << 2;
  for (let r = from; r < to; r++) {
    const offset = <usize>r * <usize>c * stride;
    if (inner == 1) {
      const sum = rowExp(y + offset, x + offset, rowMax(x + offset, c), c);
      rowScale(y + offset, 1 / sum, c);
      continue;
    }
    for (let i = 0; i < inner; i += 4) {
      const count = inner - i;
      const p = at(x + offset, i);
      const q = at(y + offset, i);
      const sum = columnExp(q, p, columnMax(p, c, stride, count), c, stride, count);
      columnScale(q, f32x4.div(f32x4.splat(1), sum), c, stride, count);
    }
  }
}

/** dx_k = y_k·(dy_k − Σ_j dy_j·y_j), for rows [from, to) of n; dx may be dy or y. */
export function softmaxBackward(
  dx: usize, // [n, c, inner] f32
  y: usize, // [n, c, inner] f32
  dy: usize, // [n, c, inner] f32
  c: i32,
  inner: i32,
  from: i32,
  to: i32,
): void {
  const stride = (<usize>inner) << 2;
  for (let r = from; r < to; r++) {
    const offset = <usize>r * <usize>c * stride;
    if (inner == 1) {
      const p = y + offset;
      const g = dy + offset;
      let sum = f32x4.splat(0);
      for (let k = 0; k < c; k += 4) {
        const count = c - k;
        sum = f32x4.add(sum, f32x4.mul(loadUpTo(at(p, k), count), loadUpTo(at(g, k), count)));
      }
      const s = f32x4.splat(sumLanes(sum));
      for (let k = 0; k < c; k += 4) {
        const count = c - k;
        const d = f32x4.sub(loadUpTo(at(g, k), count), s);
        storeUpTo(at(dx + offset, k), f32x4.mul(loadUpTo(at(p, k), count), d), count);
      }
      continue;
    }
    for (let i = 0; i < inner; i += 4) {
      const count = inner - i;
      let p = at(y + offset, i);
      let g = at(dy + offset, i);
      let q = at(dx + offset, i);
      const end = p + <usize>c * stride;
      let s = f32x4.splat(0);
      while (p != end) {
        s = f32x4.add(s, f32x4.mul(loadUpTo(p, count), loadUpTo(g, count)));
        p += stride;
        g += stride;
      }
      p = at(y + offset, i);
      g = at(dy + offset, i);
      while (p != end) {
        const d = f32x4.mul(loadUpTo(p, count), f32x4.sub(loadUpTo(g, count), s));
        storeUpTo(q, d, count);
        p += stride;
        g += stride;
        q += stride;
      }
    }
  }
}

/**
 * y_k = (x_k − m) − ln Σ_j exp(x_j − m), m = max x, for rows [from, to) of n. y holds the exponentials in
 * between, so y must not be x.
 */
export function logSoftmaxForward(
  y: usize, // [n, c, inner] f32
  x: usize, // [n, c, inner] f32
  c: i32,
  inner: i32,
  from: i32,
  to: i32,
): void {
  const stride = (<usize>inner) << 2;
  for (let r = from; r < to; r++) {
    const offset = <usize>r * <usize>c * stride;
    if (inner == 1) {
      const p = x + offset;
      const m = rowMax(p, c);
      const shift = f32x4.splat(m);
      const log = f32x4.splat(logOf(rowExp(y + offset, p, m, c)));
      for (let k = 0; k < c; k += 4) {
        const count = c - k;
        const z = f32x4.sub(loadUpTo(at(p, k), count), shift);
        storeUpTo(at(y + offset, k), f32x4.sub(z, log), count);
      }
      continue;
    }
    for (let i = 0; i < inner; i += 4) {
      const count = inner - i;
      let p = at(x + offset, i);
      let q = at(y + offset, i);
      const m = columnMax(p, c, stride, count);
      const end = p + <usize>c * stride;
      const log = logLanes(columnExp(q, p, m, c, stride, count));
      while (p != end) {
        storeUpTo(q, f32x4.sub(f32x4.sub(loadUpTo(p, count), m), log), count);
        p += stride;
        q += stride;
      }
    }
  }
}

/** dx_k = dy_k − exp(y_k)·Σ_j dy_j, for rows [from, to) of n; dx may be dy or y. */
export function logSoftmaxBackward(
  dx: usize, // [n, c, inner] f32
  y: usize, // [n, c, inner] f32
  dy: usize, // [n, c, inner] f32
  c: i32,
  inner: i32,
  from: i32,
  to: i32,
): void {
  const stride = (<usize>inner) << 2;
  for (let r = from; r < to; r++) {
    const offset = <usize>r * <usize>c * stride;
    if (inner == 1) {
      const g = dy + offset;
      let sum = f32x4.splat(0);
      for (let k = 0; k < c; k += 4) sum = f32x4.add(sum, loadUpTo(at(g, k), c - k));
      const s = f32x4.splat(sumLanes(sum));
      for (let k = 0; k < c; k += 4) {
        const count = c - k;
        const d = f32x4.mul(expLanes(loadUpTo(at(y + offset, k), count)), s);
        storeUpTo(at(dx + offset, k), f32x4.sub(loadUpTo(at(g, k), count), d), count);
      }
      continue;
    }
    for (let i = 0; i < inner; i += 4) {
      const count = inner - i;
      let g = at(dy + offset, i);
      const end = g + <usize>c * stride;
      let s = f32x4.splat(0);
      while (g != end) {
        s = f32x4.add(s, loadUpTo(g, count));
        g += stride;
      }
      let p = at(y + offset, i);
      let q = at(dx + offset, i);
      g = at(dy + offset, i);
      while (g != end) {
        const d = f32x4.mul(expLanes(loadUpTo(p, count)), s);
        storeUpTo(q, f32x4.sub(loadUpTo(g, count), d), count);
        p += stride;
        g += stride;
        q += stride;
      }
    }
  }
}
