/**
 * One loop for full vectors and the tail alike: `for (let i = from; i < to; i += 4)` with
 * `count = to - i`. Where a loop's body is long (an exp, say) a second copy for the tail would cost
 * more in bytes than the predictable branch costs in time.
 *
 * A loop that takes two vectors at once goes before it where the body is a polynomial: V8 makes a vector
 * constant anew at each use in a loop, but once for both, which tanh feels by a fifth.
 */
import { loadPartial, storePartial } from './lanes';

/** Four floats at `p`, or if count < 4 that many, zero in the other lanes. * @inline
 */
export function loadUpTo(p: usize, count: i32): v128 {
  return count >= 4 ? v128.load(p) : loadPartial(p, count);
}

/** Stores four lanes at `p`, or if count < 4 the low that many. * @inline
 */
export function storeUpTo(p: usize, v: v128, count: i32): void {
  if (count >= 4) v128.store(p, v);
  else storePartial(p, v, count);
}

/** The low `count` lanes of v, zero in the others; all four if count ≥ 4. * @inline
 */
export function keepUpTo(v: v128, count: i32): v128 {
  return v128.and(v, i32x4.gt_s(i32x4.splat(count), i32x4(0, 1, 2, 3)));
}
