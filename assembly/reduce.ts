/**
 * Reductions: sums of many float32 numbers, or of products of them.
 *
 * Sum in runs. A run is a series of at most `RUN` terms a lane that are added in float32. At the end of a
 * run the sum of its lanes is added to a float64 total, and the lanes start again from 0. So the loop adds
 * in float32, four lanes an instruction, and the error does not grow with the number of terms. The order of
 * all additions follows from the number of terms alone.
 *
 * The terms are given by an operation: an `@unmanaged` class without fields that extends `Terms` or
 * `ProductTerms`. Its methods are inlined (scripts/inline.js), so that each reduction compiles to a loop of
 * its own without a call:
 *
 *   @unmanaged
 *   class Products extends Terms {
 *     add(sum: v128, x: usize, y: usize, vector: i32, count: i32): v128 {
 *       return madd(loadVector(x, vector, count), loadVector(y, vector, count), sum);
 *     }
 *   }
 *   const dot = sumRuns<Products>(0, x, y, n, 4, true);
 */
import { addFour, at, madd, sumLanes, sumPair, widenHigh, widenLow } from './lanes';

/** Terms of a run: how many one float32 lane adds before its sum is added to the float64 total. */
export const RUN = 256;

/** The terms of `sumRuns`. */
@unmanaged
export abstract class Terms {
  /**
   * `sum` plus up to four terms: those of the `count` numbers at x and y, 4·vector floats further on. Load
   * them with `loadVector`. An operation that reads x alone ignores y; pass x for it.
   */
  abstract add(sum: v128, x: usize, y: usize, vector: i32, count: i32): v128;
}

/**
 * total + Σ of n terms, in runs.
 *
 * @param accumulators 1 or 4, a literal: the number of independent sums. Four hide the latency of the
 * addition.
 * @param joined a literal: the last one to three terms join the last run. Otherwise they are added to the
 *   total by themselves.
 * @inline
 */
export function sumRuns<Op extends Terms>(
  total: f64,
  x: usize, // [n] f32
  y: usize, // [n] f32
  n: i32,
  accumulators: i32,
  joined: bool,
): f64 {
  const op = changetype<Op>(0);
  const tail = n & 3;
  const end = at(x, joined ? n : n - tail);
  while (x < end) {
    const stop = min(x + <usize>(RUN * 16 * accumulators), end);
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    if (accumulators == 4) {
      const whole = x + ((stop - x) & ~63);
      while (x < whole) {
        s0 = op.add(s0, x, y, 0, 4);
        s1 = op.add(s1, x, y, 1, 4);
        s2 = op.add(s2, x, y, 2, 4);
        s3 = op.add(s3, x, y, 3, 4);
        x += 64;
        y += 64;
      }
    }
    const most = x + ((stop - x) & ~15);
    while (x < most) {
      s0 = op.add(s0, x, y, 0, 4);
      x += 16;
      y += 16;
    }
    if (joined && x < stop) {
      s0 = op.add(s0, x, y, 0, tail);
      x = stop;
    }
    total += <f64>sumLanes(accumulators == 4 ? addFour(s0, s1, s2, s3) : s0);
  }
  if (!joined && tail) total += <f64>sumLanes(op.add(f32x4.splat(0), x, y, 0, tail));
  return total;
}

/**
 * The terms of `sumProductRuns`, for the `count` numbers at x and y, 4·vector floats further on. Load them
 * with `loadVector`. k, a and b are constants of the operation, the same in every call. If d or u can
 * differ from 0 beyond a tail, the operation clears it (`keepUpTo`).
 */
@unmanaged
export abstract class ProductTerms {
  abstract d(x: usize, vector: i32, count: i32, k: v128): v128;
  abstract u(y: usize, vector: i32, count: i32, d: v128, a: v128, b: v128): v128;
}

/**
 * Σ u and Σ u·d of n terms, in runs, as two float64.
 *
 * @param firstU added to the first run's Σ u, as if it were its first terms; usually 0
 * @param firstProduct the same for Σ u·d
 * @param tailTo 0 or 1, a literal: the accumulator that the last one to three terms join
 * @inline
 */
export function sumProductRuns<Op extends ProductTerms>(
  x: usize, // [n] f32
  y: usize, // [n] f32
  n: i32,
  k: v128,
  a: v128,
  b: v128,
  firstU: v128,
  firstProduct: v128,
  tailTo: i32,
): v128 {
  const op = changetype<Op>(0);
  const end = at(x, n);
  let total = f64x2.splat(0);
  let u0 = firstU;
  let v0 = firstProduct;
  while (true) {
    const stop = min(x + <usize>(RUN * 64), end);
    const whole = x + ((stop - x) & ~63);
    const most = x + ((stop - x) & ~15);
    let u1 = f32x4.splat(0);
    let u2 = u1;
    let u3 = u1;
    let v1 = u1;
    let v2 = u1;
    let v3 = u1;
    while (x < whole) {
      const d0 = op.d(x, 0, 4, k);
      const t0 = op.u(y, 0, 4, d0, a, b);
      u0 = f32x4.add(u0, t0);
      v0 = madd(t0, d0, v0);
      const d1 = op.d(x, 1, 4, k);
      const t1 = op.u(y, 1, 4, d1, a, b);
      u1 = f32x4.add(u1, t1);
      v1 = madd(t1, d1, v1);
      const d2 = op.d(x, 2, 4, k);
      const t2 = op.u(y, 2, 4, d2, a, b);
      u2 = f32x4.add(u2, t2);
      v2 = madd(t2, d2, v2);
      const d3 = op.d(x, 3, 4, k);
      const t3 = op.u(y, 3, 4, d3, a, b);
      u3 = f32x4.add(u3, t3);
      v3 = madd(t3, d3, v3);
      x += 64;
      y += 64;
    }
    while (x < most) {
      const d = op.d(x, 0, 4, k);
      const t = op.u(y, 0, 4, d, a, b);
      u0 = f32x4.add(u0, t);
      v0 = madd(t, d, v0);
      x += 16;
      y += 16;
    }
    if (x < stop) {
      const count = n & 3;
      const d = op.d(x, 0, count, k);
      const t = op.u(y, 0, count, d, a, b);
      if (tailTo == 0) {
        u0 = f32x4.add(u0, t);
        v0 = madd(t, d, v0);
      } else {
        u1 = f32x4.add(u1, t);
        v1 = madd(t, d, v1);
      }
      x = stop;
    }
    const run = sumPair(addFour(u0, u1, u2, u3), addFour(v0, v1, v2, v3));
    total = f64x2.add(total, run);
    if (x == end) return total;
    u0 = f32x4.splat(0);
    v0 = u0;
  }
}

/*
 * If the terms are few or expensive (an exp each), every vector is added in float64 at once: `addWide` adds
 * a vector of terms to two float64 sums, and `sumWide` adds these two at the end.
 */

/**
 * sum + v's four lanes, as two float64 sums: l0 + l2 and l1 + l3.
 * @inline
 */
export function addWide(sum: v128, v: v128): v128 {
  return f64x2.add(sum, f64x2.add(widenLow(v), widenHigh(v)));
}

/**
 * The two float64 sums of `addWide` as one.
 * @inline
 */
export function sumWide(sum: v128): f64 {
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/**
 * Adds four float32 sums of neighbouring columns to their float64 totals.
 * @inline
 */
export function addToTotals(
  totals: usize, // [4] f64, added to
  v: v128,
): void {
  v128.store(totals, f64x2.add(v128.load(totals), widenLow(v)));
  v128.store(totals, f64x2.add(v128.load(totals, 16), widenHigh(v)), 16);
}
