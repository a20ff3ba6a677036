/**
 * Sums over some axes of a tensor, and of the product of two tensors, the second with broadcasting: what an
 * operand that was broadcast gets as its gradient. The host joins neighbouring axes; three loops that are kept
 * and three that are summed over are left. Each sum is made in runs of float32 that end in float64
 * (`assembly/reduce.ts`), and its order follows from the shape alone.
 */
import { at, loadUpTo, loadVector, madd, narrow, storeUpTo, widenHigh, widenLow } from '../lanes';
import { RUN, sumRuns, Terms } from '../reduce';
import { step } from './broadcast';

/** Kept loops k and summed loops r, outermost first; a loop that is absent has one iteration. */
@unmanaged
export class ReduceShape {
  k0: i32;
  k1: i32;
  k2: i32;
  r0: i32;
  r1: i32;
  r2: i32;
  /** How many floats apart the numbers of a are in each loop. */
  ak0: i32;
  ak1: i32;
  ak2: i32;
  ar0: i32;
  ar1: i32;
  ar2: i32;
  /** The same for b. */
  bk0: i32;
  bk1: i32;
  bk2: i32;
  br0: i32;
  br1: i32;
  br2: i32;
  /**
   * Whether the axis whose numbers are neighbours in a is kept: it is then the loop k2, otherwise r2. In that
   * loop b steps by 0 or 1.
   */
  columns: i32;
}

@unmanaged
class Plain extends Terms {
  add(sum: v128, x: usize, y: usize, vector: i32, count: i32): v128 {
    return f32x4.add(sum, loadVector(x, vector, count));
  }
}

@unmanaged
class Products extends Terms {
  add(sum: v128, x: usize, y: usize, vector: i32, count: i32): v128 {
    return madd(loadVector(x, vector, count), loadVector(y, vector, count), sum);
  }
}

/**
 * y = scale·Σ a·b over the loops r, or scale·Σ a if b is 0, for elements [from, to) of y, which has the kept
 * loops as its axes.
 */
export function sumProducts(
  y: usize, // [k0, k1, k2] f32
  a: usize, // f32, as `shape` says
  b: usize, // f32, as `shape` says, or 0
  shape: ReduceShape,
  scale: f64,
  from: i32,
  to: i32,
): void {
  const k1 = shape.k1;
  const k2 = shape.k2;
  let o = from;
  while (o < to) {
    const i2 = o % k2;
    const rest = o / k2;
    const i1 = rest % k1;
    const i0 = rest / k1;
    const pa = step(step(step(a, i0, shape.ak0), i1, shape.ak1), i2, shape.ak2);
    const pb: usize = b == 0 ? 0 : step(step(step(b, i0, shape.bk0), i1, shape.bk1), i2, shape.bk2);
    if (shape.columns) {
      const count = min(to - o, k2 - i2);
      if (count >= 16) {
        columnPanel(at(y, o), pa, pb, shape, scale);
        o += 16;
      } else {
        columnSums(at(y, o), pa, pb, min(count, 4), shape, scale);
        o += min(count, 4);
      }
    } else {
      store<f32>(at(y, o), <f32>(scale * total(pa, pb, shape)));
      o++;
    }
  }
}

/** Σ over the loops r of one output, whose innermost loop is a run of neighbouring numbers. */
function total(a: usize, b: usize, shape: ReduceShape): f64 {
  const n = shape.r2;
  let sum: f64 = 0;
  for (let i = 0; i < shape.r0; i++) {
    let pa = step(a, i, shape.ar0);
    let pb = step(b, i, shape.br0);
    for (let j = 0; j < shape.r1; j++) {
      if (b == 0) {
        sum = sumRuns<Plain>(sum, pa, pa, n, 4, true);
      } else if (shape.br2 != 0) {
        sum = sumRuns<Products>(sum, pa, pb, n, 4, true);
      } else {
        sum += <f64>load<f32>(pb) * sumRuns<Plain>(0, pa, pa, n, 4, true);
      }
      pa = step(pa, 1, shape.ar1);
      pb = step(pb, 1, shape.br1);
    }
  }
  return sum;
}

/** The sums of 16 neighbouring outputs: a line of the cache of each row is read once. */
function columnPanel(y: usize, a: usize, b: usize, shape: ReduceShape, scale: f64): void {
  const rows = shape.r2;
  const stepA = (<usize>shape.ar2) << 2;
  const stepB = (<usize>shape.br2) << 2;
  const splat = shape.bk2 == 0;
  // Two float64 vectors for each four outputs.
  let l0 = f64x2.splat(0);
  let l1 = l0;
  let l2 = l0;
  let l3 = l0;
  let h0 = l0;
  let h1 = l0;
  let h2 = l0;
  let h3 = l0;
  for (let i = 0; i < shape.r0; i++) {
    for (let j = 0; j < shape.r1; j++) {
      let pa = step(step(a, i, shape.ar0), j, shape.ar1);
      let pb = step(step(b, i, shape.br0), j, shape.br1);
      let row = 0;
      while (row < rows) {
        const stop = min(row + RUN, rows);
        let s0 = f32x4.splat(0);
        let s1 = s0;
        let s2 = s0;
        let s3 = s0;
        if (b == 0) {
          for (; row < stop; row++) {
            s0 = f32x4.add(s0, v128.load(pa));
            s1 = f32x4.add(s1, v128.load(pa, 16));
            s2 = f32x4.add(s2, v128.load(pa, 32));
            s3 = f32x4.add(s3, v128.load(pa, 48));
            pa += stepA;
          }
        } else if (splat) {
          for (; row < stop; row++) {
            const v = v128.load32_splat(pb);
            s0 = f32x4.add(s0, f32x4.mul(v128.load(pa), v));
            s1 = f32x4.add(s1, f32x4.mul(v128.load(pa, 16), v));
            s2 = f32x4.add(s2, f32x4.mul(v128.load(pa, 32), v));
            s3 = f32x4.add(s3, f32x4.mul(v128.load(pa, 48), v));
            pa += stepA;
            pb += stepB;
          }
        } else {
          for (; row < stop; row++) {
            s0 = f32x4.add(s0, f32x4.mul(v128.load(pa), v128.load(pb)));
            s1 = f32x4.add(s1, f32x4.mul(v128.load(pa, 16), v128.load(pb, 16)));
            s2 = f32x4.add(s2, f32x4.mul(v128.load(pa, 32), v128.load(pb, 32)));
            s3 = f32x4.add(s3, f32x4.mul(v128.load(pa, 48), v128.load(pb, 48)));
            pa += stepA;
            pb += stepB;
          }
        }
        l0 = f64x2.add(l0, widenLow(s0));
        h0 = f64x2.add(h0, widenHigh(s0));
        l1 = f64x2.add(l1, widenLow(s1));
        h1 = f64x2.add(h1, widenHigh(s1));
        l2 = f64x2.add(l2, widenLow(s2));
        h2 = f64x2.add(h2, widenHigh(s2));
        l3 = f64x2.add(l3, widenLow(s3));
        h3 = f64x2.add(h3, widenHigh(s3));
      }
    }
  }
  const by = f64x2.splat(scale);
  v128.store(y, narrow(f64x2.mul(l0, by), f64x2.mul(h0, by)));
  v128.store(y, narrow(f64x2.mul(l1, by), f64x2.mul(h1, by)), 16);
  v128.store(y, narrow(f64x2.mul(l2, by), f64x2.mul(h2, by)), 32);
  v128.store(y, narrow(f64x2.mul(l3, by), f64x2.mul(h3, by)), 48);
}

/** The sums of `count` neighbouring outputs, whose numbers stand side by side in each row of a. */
function columnSums(
  y: usize,
  a: usize,
  b: usize,
  count: i32,
  shape: ReduceShape,
  scale: f64,
): void {
  const rows = shape.r2;
  const stepA = (<usize>shape.ar2) << 2;
  const stepB = (<usize>shape.br2) << 2;
  const splat = shape.bk2 == 0;
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let i = 0; i < shape.r0; i++) {
    for (let j = 0; j < shape.r1; j++) {
      let pa = step(step(a, i, shape.ar0), j, shape.ar1);
      let pb = step(step(b, i, shape.br0), j, shape.br1);
      let row = 0;
      while (row < rows) {
        const stop = min(row + RUN, rows);
        let sum = f32x4.splat(0);
        for (; row < stop; row++) {
          let v = loadUpTo(pa, count);
          if (b != 0) {
            v = f32x4.mul(v, splat ? v128.load32_splat(pb) : loadUpTo(pb, count));
          }
          sum = f32x4.add(sum, v);
          pa += stepA;
          pb += stepB;
        }
        low = f64x2.add(low, widenLow(sum));
        high = f64x2.add(high, widenHigh(sum));
      }
    }
  }
  const by = f64x2.splat(scale);
  storeUpTo(y, narrow(f64x2.mul(low, by), f64x2.mul(high, by)), count);
}

/** y = max of a over the loops r, NaN if one is, for elements [from, to) of y. */
export function maxOver(
  y: usize, // [k0, k1, k2] f32
  a: usize, // f32, as `shape` says
  shape: ReduceShape,
  from: i32,
  to: i32,
): void {
  const k1 = shape.k1;
  const k2 = shape.k2;
  let o = from;
  while (o < to) {
    const i2 = o % k2;
    const rest = o / k2;
    const p = step(step(step(a, rest / k1, shape.ak0), rest % k1, shape.ak1), i2, shape.ak2);
    const count = shape.columns ? min(min(to - o, k2 - i2), 4) : 1;
    let best = f32x4.splat(-Infinity);
    for (let i = 0; i < shape.r0; i++) {
      for (let j = 0; j < shape.r1; j++) {
        let q = step(step(p, i, shape.ar0), j, shape.ar1);
        if (shape.columns) {
          for (let r = 0; r < shape.r2; r++) {
            best = f32x4.max(best, loadUpTo(q, count));
            q = step(q, 1, shape.ar2);
          }
        } else {
          best = f32x4.max(best, maxOfRun(q, shape.r2));
        }
      }
    }
    storeUpTo(at(y, o), best, count);
    o += count;
  }
}

/** The maximum of n neighbouring numbers, in lane 0. */
function maxOfRun(x: usize, n: i32): v128 {
  let best = f32x4.splat(-Infinity);
  let other = best;
  let i = 0;
  for (; i + 8 <= n; i += 8) {
    best = f32x4.max(best, v128.load(at(x, i)));
    other = f32x4.max(other, v128.load(at(x, i), 16));
  }
  best = f32x4.max(best, other);
  for (; i < n; i++) best = f32x4.max(best, v128.load32_splat(at(x, i)));
  best = f32x4.max(best, i32x4.shuffle(best, best, 2, 3, 0, 1));
  return f32x4.max(best, i32x4.shuffle(best, best, 1, 0, 3, 2));
}
