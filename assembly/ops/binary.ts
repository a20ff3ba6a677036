/** Operations on two tensors with broadcasting (broadcast.ts). */
import { Binary, combine } from '../elementwise';
import { BroadcastShape, broadcast } from './broadcast';

@unmanaged
class Sum extends Binary {
  of(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
    return f32x4.add(a, b);
  }
}

@unmanaged
class Difference extends Binary {
  of(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
    return f32x4.sub(a, b);
  }
}

@unmanaged
class Quotient extends Binary {
  of(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
    return f32x4.div(a, b);
  }
}

@unmanaged
class Maximum extends Binary {
  /** The larger, or NaN if one of them is. */
  of(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
    return v128.or(f32x4.pmax(a, b), f32x4.ne(b, b)); // a mask of all ones is a NaN, too
  }
}

@unmanaged
class Minimum extends Binary {
  of(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
    return v128.or(f32x4.pmin(a, b), f32x4.ne(b, b));
  }
}

@unmanaged
class MaximumShare extends Binary {
  /** What part of the gradient of max(a, b) a gets: 0 where a < b, ½ where a = b, else 1. */
  of(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
    const one = f32x4.splat(1);
    const ties = v128.bitselect(f32x4.splat(0.5), one, f32x4.eq(a, b));
    return v128.andnot(ties, f32x4.lt(a, b));
  }
}

@unmanaged
class MinimumShare extends Binary {
  /** What part of the gradient of min(a, b) a gets. */
  of(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
    const one = f32x4.splat(1);
    const ties = v128.bitselect(f32x4.splat(0.5), one, f32x4.eq(a, b));
    return v128.andnot(ties, f32x4.gt(a, b));
  }
}

@unmanaged
class Same extends Binary {
  /** 1 where a = b or both are NaN, else 0. */
  of(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
    const nans = v128.and(f32x4.ne(a, a), f32x4.ne(b, b));
    return v128.and(f32x4.splat(1), v128.or(f32x4.eq(a, b), nans));
  }
}

@unmanaged
class Gate extends Binary {
  /** a·b, or 0 where b is 0, whatever a is. */
  of(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
    return v128.andnot(f32x4.mul(a, b), f32x4.eq(b, f32x4.splat(0)));
  }
}

@unmanaged
class NegativeProduct extends Binary {
  of(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
    return f32x4.neg(f32x4.mul(a, b));
  }
}

@unmanaged
class Product extends Binary {
  of(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
    return f32x4.mul(a, b);
  }
}

/** y = a + b for planes [from, to); y may be an operand that has all axes of y. */
export function addBroadcast(
  y: usize, // [n0, n1, n2, n3, n4, n5] f32
  a: usize, // f32, as `shape` says
  b: usize, // f32, as `shape` says
  shape: BroadcastShape,
  from: i32,
  to: i32,
): void {
  broadcast<Sum>(y, a, b, shape, from, to);
}

/** y = a·b for planes [from, to); y may be an operand that has all axes of y. */
export function mulBroadcast(
  y: usize, // [n0, n1, n2, n3, n4, n5] f32
  a: usize, // f32, as `shape` says
  b: usize, // f32, as `shape` says
  shape: BroadcastShape,
  from: i32,
  to: i32,
): void {
  broadcast<Product>(y, a, b, shape, from, to);
}

/** y = a − b for planes [from, to); y may be an operand that has all axes of y. */
export function subBroadcast(
  y: usize, // [n0, n1, n2, n3, n4, n5] f32
  a: usize, // f32, as `shape` says
  b: usize, // f32, as `shape` says
  shape: BroadcastShape,
  from: i32,
  to: i32,
): void {
  broadcast<Difference>(y, a, b, shape, from, to);
}

/** y = a / b for planes [from, to); y may be an operand that has all axes of y. */
export function divBroadcast(
  y: usize, // [n0, n1, n2, n3, n4, n5] f32
  a: usize, // f32, as `shape` says
  b: usize, // f32, as `shape` says
  shape: BroadcastShape,
  from: i32,
  to: i32,
): void {
  broadcast<Quotient>(y, a, b, shape, from, to);
}

/** y = max(a, b), NaN if one is, for planes [from, to); y may be an operand that has all axes of y. */
export function maximumBroadcast(
  y: usize, // [n0, n1, n2, n3, n4, n5] f32
  a: usize, // f32, as `shape` says
  b: usize, // f32, as `shape` says
  shape: BroadcastShape,
  from: i32,
  to: i32,
): void {
  broadcast<Maximum>(y, a, b, shape, from, to);
}

/** y = min(a, b), NaN if one is, for planes [from, to); y may be an operand that has all axes of y. */
export function minimumBroadcast(
  y: usize, // [n0, n1, n2, n3, n4, n5] f32
  a: usize, // f32, as `shape` says
  b: usize, // f32, as `shape` says
  shape: BroadcastShape,
  from: i32,
  to: i32,
): void {
  broadcast<Minimum>(y, a, b, shape, from, to);
}

/** y = 0 where a < b, ½ where a = b, else 1, for planes [from, to); y may be an operand that has all axes of y. */
export function maximumShare(
  y: usize, // [n0, n1, n2, n3, n4, n5] f32
  a: usize, // f32, as `shape` says
  b: usize, // f32, as `shape` says
  shape: BroadcastShape,
  from: i32,
  to: i32,
): void {
  broadcast<MaximumShare>(y, a, b, shape, from, to);
}

/** y = 0 where a > b, ½ where a = b, else 1, for planes [from, to); y may be an operand that has all axes of y. */
export function minimumShare(
  y: usize, // [n0, n1, n2, n3, n4, n5] f32
  a: usize, // f32, as `shape` says
  b: usize, // f32, as `shape` says
  shape: BroadcastShape,
  from: i32,
  to: i32,
): void {
  broadcast<MinimumShare>(y, a, b, shape, from, to);
}

/** y = 1 where a = b or both are NaN, else 0, for planes [from, to); y may be an operand that has all axes of y. */
export function sameBroadcast(
  y: usize, // [n0, n1, n2, n3, n4, n5] f32
  a: usize, // f32, as `shape` says
  b: usize, // f32, as `shape` says
  shape: BroadcastShape,
  from: i32,
  to: i32,
): void {
  broadcast<Same>(y, a, b, shape, from, to);
}

/** y = a·b, or 0 where b is 0, for planes [from, to); y may be an operand that has all axes of y. */
export function gateBroadcast(
  y: usize, // [n0, n1, n2, n3, n4, n5] f32
  a: usize, // f32, as `shape` says
  b: usize, // f32, as `shape` says
  shape: BroadcastShape,
  from: i32,
  to: i32,
): void {
  broadcast<Gate>(y, a, b, shape, from, to);
}

/** y = −a·b for elements [from, to); y may be a or b. */
export function negativeProduct(
  y: usize, // [n] f32
  a: usize, // [n] f32
  b: usize, // [n] f32
  from: i32,
  to: i32,
): void {
  combine<NegativeProduct>(y, a, b, from, to);
}
