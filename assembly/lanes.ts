/**
 * What every kernel shares: a fused or plain multiply-add, partial loads and stores for tails, and
 * sums in one fixed order. Everything here is inlined; nothing allocates.
 */

/**
 * a·b + c. The strict build rounds twice, and so gives the same bits in every engine; the relaxed
 * build (`--enable relaxed-simd`) fuses where the engine does.
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

/**
 * The first `count` (1 to 3) floats at `p` in the low lanes, zero in the others; reads no further.
 */
export function loadPartial(p: usize, count: i32): v128 {
  return loadFew(p, count);
}

/** @inline */
function loadFew(p: usize, count: i32): v128 {
  if (count == 1) return v128.load32_zero(p);
  const low = v128.load64_zero(p);
  return count == 2 ? low : v128.load_lane<f32>(p, low, 2, 8);
}

/**
 * Stores the low `count` (1 to 3) lanes at `p`; writes no further.
 */
export function storePartial(p: usize, v: v128, count: i32): void {
  storeFew(p, v, count);
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
 * The low (0, 1) and high (2, 3) lanes of a float32 vector, widened to float64.
 * @inline
 */
export function widenLow(v: v128): v128 {
  return f64x2.promote_low_f32x4(v);
}

/** @inline */
export function widenHigh(v: v128): v128 {
  return f64x2.promote_low_f32x4(
    i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7),
  );
}

/*
 * One loop for full vectors and the tail alike: `for (let i = from; i < to; i += 4)` with
 * `count = to - i`. Where a loop's body is long (an exp, say) a second copy for the tail would cost
 * more in bytes than the predictable branch costs in time.
 *
 * A loop that takes two vectors at once goes before it where the body is a polynomial: V8 makes a vector
 * constant anew at each use in a loop, but once for both, which tanh feels by a fifth.
 */

/**
 * Four floats at `p`, or if count < 4 that many, zero in the other lanes. Without a call: V8 would save
 * every vector register around one, taken or not, in each round of the loop.
 * @inline
 */
export function loadUpTo(p: usize, count: i32): v128 {
  return count >= 4 ? v128.load(p) : loadFew(p, count);
}

/**
 * Stores four lanes at `p`, or if count < 4 the low that many.
 * @inline
 */
export function storeUpTo(p: usize, v: v128, count: i32): void {
  if (count >= 4) v128.store(p, v);
  else storeFew(p, v, count);
}

/**
 * The low `count` lanes of v, zero in the others; all four if count ≥ 4.
 * @inline
 */
export function keepUpTo(v: v128, count: i32): v128 {
  return v128.and(v, i32x4.gt_s(i32x4.splat(count), i32x4(0, 1, 2, 3)));
}
