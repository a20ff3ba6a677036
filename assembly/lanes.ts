/**
 * What all kernels share: multiply-add, addresses, loads and stores of whole and partial vectors, and the
 * fixed order in which the lanes of a vector are added. Nothing here allocates.
 */

/**
 * a·b + c. The strict build rounds twice, and so gives the same bits in every engine; the relaxed
 * build (`--enable relaxed-simd`) fuses if the engine does.
 * @inline
 */
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/**
 * Address of element i of a float32 array.
 * @inline
 */
export function at(base: usize, i: i32): usize {
  return base + ((<usize>i) << 2);
}

/*
 * Tails. The length of an array is rarely a multiple of four. All loops treat the rest in the same way:
 *
 *   load `count` numbers, the other lanes are 0 → compute in all four lanes → store `count` numbers
 *
 * so that an element has the same bits in a whole vector and in a tail. `count` ≥ 4 means a whole vector.
 * If a lane beyond the tail is not 0 after the computation, `keepUpTo` clears it before it is added to a
 * sum. Nothing beyond the array is read or written.
 *
 * There are two forms, because a call has a different cost inside and after a loop:
 *
 * - `loadUpTo` and `storeUpTo` are inlined, for use inside loops. A call inside a loop makes V8 save all
 *   vector registers in every iteration, even if the branch with the call is never taken. With a literal 4
 *   they are plain loads and stores.
 * - `loadPartial` and `storePartial` are calls, for use after loops. There a call costs nothing and saves
 *   30 bytes of code.
 */

/**
 * The first min(count, 4) floats at `p`, 0 in the other lanes. For use inside loops.
 * @inline
 */
export function loadUpTo(p: usize, count: i32): v128 {
  return count >= 4 ? v128.load(p) : loadFew(p, count);
}

/**
 * Stores the low min(count, 4) lanes at `p`. For use inside loops.
 * @inline
 */
export function storeUpTo(p: usize, v: v128, count: i32): void {
  if (count >= 4) v128.store(p, v);
  else storeFew(p, v, count);
}

/** The first `count` (1 to 3) floats at `p`, 0 in the other lanes. For use after loops. */
export function loadPartial(p: usize, count: i32): v128 {
  return loadFew(p, count);
}

/** Stores the low `count` (1 to 3) lanes at `p`. For use after loops. */
export function storePartial(p: usize, v: v128, count: i32): void {
  storeFew(p, v, count);
}

/**
 * All ones in the low `count` lanes, 0 in the others.
 * @inline
 */
export function lanesBelow(count: i32): v128 {
  return i32x4.gt_s(i32x4.splat(count), i32x4(0, 1, 2, 3));
}

/**
 * The low `count` lanes of v, 0 in the others.
 * @inline
 */
export function keepUpTo(v: v128, count: i32): v128 {
  return v128.and(v, lanesBelow(count));
}

/** @inline */
function loadFew(p: usize, count: i32): v128 {
  if (count == 1) return v128.load32_zero(p);
  const low = v128.load64_zero(p);
  return count == 2 ? low : v128.load_lane<f32>(p, low, 2, 8);
}

/** @inline */
function storeFew(p: usize, v: v128, count: i32): void {
  if (count == 1) {
    v128.store_lane<f32>(p, v, 0);
  } else {
    v128.store_lane<f64>(p, v, 0);
    if (count == 3) v128.store_lane<f32>(p, v, 2, 8);
  }
}

/*
 * A function that is used both as a loop's body and for the tail after the loop takes `count` and passes it
 * on to these: with a literal 4 they are plain loads and stores, with 1 to 3 calls.
 */

/**
 * The four floats at `p` + 4·`vector` floats, for a literal `vector` from 0 to 3: the offset becomes part
 * of the load instruction. For a tail (`vector` 0) the first `count` floats, and 0 in the other lanes.
 * @inline
 */
export function loadVector(p: usize, vector: i32, count: i32): v128 {
  if (vector == 0) return count >= 4 ? v128.load(p) : loadPartial(p, count);
  if (vector == 1) return v128.load(p, 16);
  return vector == 2 ? v128.load(p, 32) : v128.load(p, 48);
}

/**
 * Stores four lanes at `p`, or for a tail the low `count`.
 * @inline
 */
export function storeVector(p: usize, v: v128, count: i32): void {
  if (count >= 4) v128.store(p, v);
  else storePartial(p, v, count);
}

/**
 * Sum of the four lanes in the fixed order (l0 + l2) + (l1 + l3).
 * @inline
 */
export function sumLanes(v: v128): f32 {
  const pair = f32x4.add(
    v,
    i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7),
  );
  return f32x4.extract_lane(pair, 0) + f32x4.extract_lane(pair, 1);
}

/**
 * (a + b) + (c + d): four accumulators as one.
 * @inline
 */
export function addFour(a: v128, b: v128, c: v128, d: v128): v128 {
  return f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
}

/**
 * The sums of the lanes of u and of v, each in the fixed order (l0 + l2) + (l1 + l3), as two float64.
 *
 *   u0+u2 │ u1+u3 │ v0+v2 │ v1+v3   →   Σu │ Σv
 * @inline
 */
export function sumPair(u: v128, v: v128): v128 {
  const t = f32x4.add(
    i8x16.shuffle(u, v, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
    i8x16.shuffle(u, v, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31),
  );
  return f64x2.promote_low_f32x4(
    f32x4.add(
      i8x16.shuffle(t, t, 0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11),
      i8x16.shuffle(t, t, 4, 5, 6, 7, 12, 13, 14, 15, 4, 5, 6, 7, 12, 13, 14, 15),
    ),
  );
}

/**
 * Lanes 0 and 1 of a float32 vector as two float64.
 * @inline
 */
export function widenLow(v: v128): v128 {
  return f64x2.promote_low_f32x4(v);
}

/**
 * Lanes 2 and 3 of a float32 vector as two float64.
 * @inline
 */
export function widenHigh(v: v128): v128 {
  return f64x2.promote_low_f32x4(
    i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7),
  );
}

/**
 * Two pairs of float64 as four float32: the inverse of `widenLow` and `widenHigh`.
 * @inline
 */
export function narrow(low: v128, high: v128): v128 {
  const a = f32x4.demote_f64x2_zero(low);
  const b = f32x4.demote_f64x2_zero(high);
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
}
