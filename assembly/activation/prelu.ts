/**
 * PReLU: LeakyReLU whose slope is learnt, one number for all or one a channel. x is [n, c, inner];
 * the host calls a single weight with c = 1 and n = 1, and [n, c] with inner = 1.
 */
import { at, loadPartial, loadUpTo, storePartial, widenHigh, widenLow } from '../lanes';
import { leak } from './relu';

/**
 * One plane, or with `columns` one row of columns: out = v where x > 0, else slope·v. A plane has one slope,
 * a row has one for each column.
 */
function leakRun(out: usize, x: usize, v: usize, slope: usize, columns: bool, n: i32): void {
  const tail = n & 3;
  const end = at(x, n - tail);
  const one = v128.load32_splat(slope);
  while (x < end) {
    v128.store(out, leak(v128.load(x), v128.load(v), columns ? v128.load(slope) : one));
    out += 16;
    x += 16;
    v += 16;
    if (columns) slope += 16;
  }
  if (tail) {
    const a = columns ? loadPartial(slope, tail) : one;
    storePartial(out, leak(loadPartial(x, tail), loadPartial(v, tail), a), tail);
  }
}

/**
 * Rows [from, to) of n: out = v where x > 0, else weight·v.
 * @inline
 */
function leakRows(
  out: usize, // [n, c, inner] f32
  x: usize, // [n, c, inner] f32
  v: usize, // [n, c, inner] f32
  weight: usize, // [c] f32
  c: i32,
  inner: i32,
  from: i32,
  to: i32,
): void {
  const columns = inner == 1;
  const runs = columns ? 1 : c;
  const n = columns ? c : inner;
  let o = (<usize>from * <usize>c * <usize>inner) << 2;
  for (let r = from; r < to; r++) {
    for (let j = 0; j < runs; j++) {
      leakRun(out + o, x + o, v + o, at(weight, j), columns, n);
      o += (<usize>n) << 2;
    }
  }
}

/** y = x where x > 0, else weight·x, for rows [from, to) of n; y may be x. */
export function preluForward(
  y: usize, // [n, c, inner] f32
  x: usize, // [n, c, inner] f32
  weight: usize, // [c] f32
  c: i32,
  inner: i32,
  from: i32,
  to: i32,
): void {
  leakRows(y, x, x, weight, c, inner, from, to);
}

/** dx = dy where x > 0, else weight·dy, for rows [from, to) of n; dx may be dy or x. */
export function preluBackward(
  dx: usize, // [n, c, inner] f32
  x: usize, // [n, c, inner] f32
  dy: usize, // [n, c, inner] f32
  weight: usize, // [c] f32
  c: i32,
  inner: i32,
  from: i32,
  to: i32,
): void {
  leakRows(dx, x, dy, weight, c, inner, from, to);
}

/**
 * x·dy where not x > 0, else 0.
 * @inline
 */
function weightTerm(x: v128, dy: v128): v128 {
  return v128.andnot(f32x4.mul(x, dy), f32x4.gt(x, f32x4.splat(0)));
}

/**
 * dweight[j] += Σ x·dy over the elements of channel j that are not positive, for channels [from, to),
 * summed in float64. Call it before `preluBackward` if that overwrites dy.
 */
export function preluBackwardWeight(
  dweight: usize, // [c] f32, added to
  x: usize, // [n, c, inner] f32
  dy: usize, // [n, c, inner] f32
  n: i32,
  c: i32,
  inner: i32,
  from: i32,
  to: i32,
): void {
  const stride = (<usize>c * <usize>inner) << 2;
  if (inner == 1) {
    // Four channels side by side, down the rows.
    for (let j = from; j < to; j += 4) {
      const count = to - j;
      let p = at(x, j);
      let g = at(dy, j);
      const end = p + <usize>n * stride;
      let low = f64x2.splat(0);
      let high = f64x2.splat(0);
      while (p != end) {
        const term = weightTerm(loadUpTo(p, count), loadUpTo(g, count));
        low = f64x2.add(low, widenLow(term));
        high = f64x2.add(high, widenHigh(term));
        p += stride;
        g += stride;
      }
      addTo(at(dweight, j), f64x2.extract_lane(low, 0));
      if (count > 1) addTo(at(dweight, j + 1), f64x2.extract_lane(low, 1));
      if (count > 2) addTo(at(dweight, j + 2), f64x2.extract_lane(high, 0));
      if (count > 3) addTo(at(dweight, j + 3), f64x2.extract_lane(high, 1));
    }
    return;
  }
  const tail = inner & 3;
  for (let j = from; j < to; j++) {
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    for (let i = 0; i < n; i++) {
      const start = <usize>i * stride + ((<usize>j * <usize>inner) << 2);
      let p = x + start;
      let g = dy + start;
      const end = at(p, inner - tail);
      while (p < end) {
        const term = weightTerm(v128.load(p), v128.load(g));
        low = f64x2.add(low, widenLow(term));
        high = f64x2.add(high, widenHigh(term));
        p += 16;
        g += 16;
      }
      if (tail) {
        const term = weightTerm(loadPartial(p, tail), loadPartial(g, tail));
        low = f64x2.add(low, widenLow(term));
        high = f64x2.add(high, widenHigh(term));
      }
    }
    const sum = f64x2.add(low, high);
    addTo(at(dweight, j), f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1));
  }
}

/** @inline */
function addTo(p: usize, sum: f64): void {
  store<f32>(p, <f32>(<f64>load<f32>(p) + sum));
}
