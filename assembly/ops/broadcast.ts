/**
 * Broadcasting: y[i] = f(a[i], b[i]), or of three operands, over the loops of y, where an operand that
 * lacks an axis, or has it with length 1, gives the same number along it. The host joins neighbouring axes that
 * all operands walk through alike, so that few loops are left, and the innermost one is a run of neighbouring
 * numbers or of one number again and again.
 */
import { Binary } from '../elementwise';
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

/**
 * i steps of `stride` floats from p.
 * @inline
 */
export function step(p: usize, i: i32, stride: i32): usize {
  return p + ((<usize>i * <usize>stride) << 2);
}

/** What is computed of one run of y's numbers. */
@unmanaged
export abstract class Run {
  abstract of(y: usize, a: usize, b: usize, c: usize, n: i32, shape: BroadcastShape): void;
}

/**
 * F of each run of planes [from, to) of the n0·n1·n2·n3 that the four outer loops visit.
 * @inline
 */
export function eachRun<F extends Run>(
  y: usize,
  a: usize,
  b: usize,
  c: usize,
  shape: BroadcastShape,
  from: i32,
  to: i32,
): void {
  const f = changetype<F>(0);
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
    let pa = step(step(a, i0, shape.a0), i1, shape.a1);
    let pb = step(step(b, i0, shape.b0), i1, shape.b1);
    let pc = step(step(c, i0, shape.c0), i1, shape.c1);
    pa = step(step(pa, i2, shape.a2), i3, shape.a3);
    pb = step(step(pb, i2, shape.b2), i3, shape.b3);
    pc = step(step(pc, i2, shape.c2), i3, shape.c3);
    let py = y + <usize>plane * size;
    for (let r = 0; r < rows; r++) {
      f.of(py, pa, pb, pc, n, shape);
      py += (<usize>n) << 2;
      pa = step(pa, 1, shape.a4);
      pb = step(pb, 1, shape.b4);
      pc = step(pc, 1, shape.c4);
    }
  }
}

/**
 * y = f(a, b) for planes [from, to).
 * @inline
 */
export function broadcast<F extends Binary>(
  y: usize,
  a: usize,
  b: usize,
  shape: BroadcastShape,
  from: i32,
  to: i32,
): void {
  eachRun<RunOf<F>>(y, a, b, 0, shape, from, to);
}

@unmanaged
class RunOf<F extends Binary> extends Run {
  of(y: usize, a: usize, b: usize, c: usize, n: i32, shape: BroadcastShape): void {
    run<F>(y, a, b, n, shape.a5, shape.b5);
  }
}

/**
 * One run of n numbers. An operand of step 0 is one number.
 * @inline
 */
function run<F extends Binary>(y: usize, a: usize, b: usize, n: i32, ra: i32, rb: i32): void {
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
