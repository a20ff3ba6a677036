/**
 * Operations on two tensors with broadcasting: y[i] = f(a[i], b[i]) over the loops of y, where an operand that
 * lacks an axis, or has it with length 1, gives the same number along it. The host joins neighbouring axes that
 * all operands walk through alike, so that few loops are left, and the innermost one is a run of neighbouring
 * numbers or of one number again and again.
 */
import { Binary, SHORT, zip } from '../elementwise';
import { loadPartial, storePartial } from '../lanes';

/** Six loops, outermost first; a loop that is absent has one iteration. y is contiguous. */
@unmanaged
export class BroadcastShape {
  n0: i32;
  n1: i32;
  n2: i32;
  n3: i32;
  n4: i32;
  n5: i32;
  /** How many floats apart the numbers of a are in each loop; in the innermost 0 or 1. */
  a0: i32;
  a1: i32;
  a2: i32;
  a3: i32;
  a4: i32;
  a5: i32;
  /** The same for b. */
  b0: i32;
  b1: i32;
  b2: i32;
  b3: i32;
  b4: i32;
  b5: i32;
  /** The same for c, where there are three operands. */
  c0: i32;
  c1: i32;
  c2: i32;
  c3: i32;
  c4: i32;
  c5: i32;
}

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

/**
 * y = f(a, b) for planes [from, to) of the n0·n1·n2·n3 that the four outer loops visit.
 * @inline
 */
function broadcast<F extends Binary>(
  y: usize,
  a: usize,
  b: usize,
  shape: BroadcastShape,
  from: i32,
  to: i32,
): void {
  const n1 = shape.n1;
  const n2 = shape.n2;
  const n3 = shape.n3;
  const rows = shape.n4;
  const n = shape.n5;
  const size = (<usize>rows * <usize>n) << 2;
  for (let plane = from; plane < to; plane++) {
    const i3 = plane % n3;
    const rest3 = plane / n3;
    const i2 = rest3 % n2;
    const rest2 = rest3 / n2;
    const i1 = rest2 % n1;
    const i0 = rest2 / n1;
    let pa = step(a, i0, shape.a0);
    pa = step(step(step(pa, i1, shape.a1), i2, shape.a2), i3, shape.a3);
    let pb = step(b, i0, shape.b0);
    pb = step(step(step(pb, i1, shape.b1), i2, shape.b2), i3, shape.b3);
    let py = y + <usize>plane * size;
    for (let r = 0; r < rows; r++) {
      row<F>(py, pa, pb, n, shape.a5, shape.b5);
      py += (<usize>n) << 2;
      pa = step(pa, 1, shape.a4);
      pb = step(pb, 1, shape.b4);
    }
  }
}

/**
 * i steps of `stride` floats from p.
 * @inline
 */
export function step(p: usize, i: i32, stride: i32): usize {
  return p + ((<usize>i * <usize>stride) << 2);
}

/**
 * One run of n numbers. An operand of step 0 is one number.
 * @inline
 */
function row<F extends Binary>(y: usize, a: usize, b: usize, n: i32, ra: i32, rb: i32): void {
  const f = changetype<F>(0);
  const none = f32x4.splat(0);
  const tail = n & 3;
  const end = y + ((<usize>(n - tail)) << 2);
  if (ra != 0 && rb != 0) {
    const most = end - ((end - y) & 31);
    while (y < most) {
      const low = f.of(v128.load(a), v128.load(b), none, none, none);
      const high = f.of(v128.load(a, 16), v128.load(b, 16), none, none, none);
      v128.store(y, low);
      v128.store(y, high, 16);
      y += 32;
      a += 32;
      b += 32;
    }
    if (y < end) {
      v128.store(y, f.of(v128.load(a), v128.load(b), none, none, none));
      y += 16;
      a += 16;
      b += 16;
    }
  } else if (ra != 0) {
    const v = v128.load32_splat(b);
    while (y < end) {
      v128.store(y, f.of(v128.load(a), v, none, none, none));
      y += 16;
      a += 16;
    }
  } else {
    const u = v128.load32_splat(a);
    while (y < end) {
      v128.store(y, f.of(u, rb != 0 ? v128.load(b) : v128.load32_splat(b), none, none, none));
      y += 16;
      if (rb != 0) b += 16;
    }
  }
  if (tail) {
    const u = ra != 0 ? loadPartial(a, tail) : v128.load32_splat(a);
    const v = rb != 0 ? loadPartial(b, tail) : v128.load32_splat(b);
    storePartial(y, f.of(u, v, none, none, none), tail);
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
  const none = f32x4.splat(0);
  zip<NegativeProduct>(y, a, b, from, to, none, none, none, SHORT);
}

/**
 * Four numbers of an operand: neighbours, or one number four times.
 * @inline
 */
function fourOf(p: usize, run: i32): v128 {
  return run != 0 ? v128.load(p) : v128.load32_splat(p);
}

/**
 * As `fourOf`, at the end of a run.
 * @inline
 */
function fewOf(p: usize, run: i32, count: i32): v128 {
  return run != 0 ? loadPartial(p, count) : v128.load32_splat(p);
}

/** y = a where c is not 0, else b, for planes [from, to); y may be an operand that has all axes of y. */
export function whereBroadcast(
  y: usize, // [n0, n1, n2, n3, n4, n5] f32
  c: usize, // f32, as `shape` says
  a: usize, // f32, as `shape` says
  b: usize, // f32, as `shape` says
  shape: BroadcastShape,
  from: i32,
  to: i32,
): void {
  const n1 = shape.n1;
  const n2 = shape.n2;
  const n3 = shape.n3;
  const rows = shape.n4;
  const n = shape.n5;
  const tail = n & 3;
  const zero = f32x4.splat(0);
  for (let plane = from; plane < to; plane++) {
    const i3 = plane % n3;
    const rest3 = plane / n3;
    const i2 = rest3 % n2;
    const rest2 = rest3 / n2;
    const i1 = rest2 % n1;
    const i0 = rest2 / n1;
    const pa = step(step(a, i0, shape.a0), i1, shape.a1);
    const pb = step(step(b, i0, shape.b0), i1, shape.b1);
    const pc = step(step(c, i0, shape.c0), i1, shape.c1);
    let ra = step(step(pa, i2, shape.a2), i3, shape.a3);
    let rb = step(step(pb, i2, shape.b2), i3, shape.b3);
    let rc = step(step(pc, i2, shape.c2), i3, shape.c3);
    let py = y + ((<usize>plane * <usize>rows * <usize>n) << 2);
    for (let r = 0; r < rows; r++) {
      let qa = ra;
      let qb = rb;
      let qc = rc;
      const end = py + ((<usize>(n - tail)) << 2);
      if ((shape.a5 & shape.b5 & shape.c5) != 0) {
        while (py < end) {
          const first = f32x4.ne(v128.load(qc), zero);
          v128.store(py, v128.bitselect(v128.load(qa), v128.load(qb), first));
          py += 16;
          qa += 16;
          qb += 16;
          qc += 16;
        }
      }
      while (py < end) {
        const first = f32x4.ne(fourOf(qc, shape.c5), zero);
        v128.store(py, v128.bitselect(fourOf(qa, shape.a5), fourOf(qb, shape.b5), first));
        py += 16;
        qa = step(qa, 4, shape.a5);
        qb = step(qb, 4, shape.b5);
        qc = step(qc, 4, shape.c5);
      }
      if (tail) {
        const first = f32x4.ne(fewOf(qc, shape.c5, tail), zero);
        const u = fewOf(qa, shape.a5, tail);
        storePartial(py, v128.bitselect(u, fewOf(qb, shape.b5, tail), first), tail);
        py += (<usize>tail) << 2;
      }
      ra = step(ra, 1, shape.a4);
      rb = step(rb, 1, shape.b4);
      rc = step(rc, 1, shape.c4);
    }
  }
}
