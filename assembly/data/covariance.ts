import { at, widenHigh, widenLow } from '../lanes';

/**
 * sums[i, j] += Σ_r x[r, i]·x[r, j] in float64, for columns i in [from, to). Only the tiles of 4 × 4 on and
 * above the diagonal are computed: the upper triangle, and the part of the lower one that shares a tile with
 * it. The product of two float32 numbers is exact in float64, so only the sum rounds. c, from and to must be
 * multiples of 4; the caller fills columns beyond the data with 0.
 */
export function crossProducts(
  sums: usize, // [c, c] f64, added to
  x: usize, // [n, c] f32
  n: i32,
  c: i32,
  from: i32,
  to: i32,
): void {
  const stride = (<usize>c) << 2;
  const line = stride << 1;
  const end = x + <usize>n * stride;
  for (let i = from; i < to; i += 4) {
    for (let j = i; j < c; j += 4) {
      let a0 = f64x2.splat(0);
      let a1 = a0;
      let b0 = a0;
      let b1 = a0;
      let c0 = a0;
      let c1 = a0;
      let d0 = a0;
      let d1 = a0;
      let p = at(x, i);
      const across = (<usize>(j - i)) << 2;
      const last = at(end, i);
      while (p != last) {
        const v = v128.load(p + across);
        const low = widenLow(v);
        const high = widenHigh(v);
        let u = f64x2.splat(<f64>load<f32>(p));
        a0 = f64x2.add(a0, f64x2.mul(u, low));
        a1 = f64x2.add(a1, f64x2.mul(u, high));
        u = f64x2.splat(<f64>load<f32>(p, 4));
        b0 = f64x2.add(b0, f64x2.mul(u, low));
        b1 = f64x2.add(b1, f64x2.mul(u, high));
        u = f64x2.splat(<f64>load<f32>(p, 8));
        c0 = f64x2.add(c0, f64x2.mul(u, low));
        c1 = f64x2.add(c1, f64x2.mul(u, high));
        u = f64x2.splat(<f64>load<f32>(p, 12));
        d0 = f64x2.add(d0, f64x2.mul(u, low));
        d1 = f64x2.add(d1, f64x2.mul(u, high));
        p += stride;
      }
      let q = sums + <usize>i * line + ((<usize>j) << 3);
      addPair(q, a0, a1);
      q += line;
      addPair(q, b0, b1);
      q += line;
      addPair(q, c0, c1);
      q += line;
      addPair(q, d0, d1);
    }
  }
}

/** Adds four sums to a line of a tile. */
function addPair(p: usize, low: v128, high: v128): void {
  v128.store(p, f64x2.add(v128.load(p), low));
  v128.store(p, f64x2.add(v128.load(p, 16), high), 16);
}
