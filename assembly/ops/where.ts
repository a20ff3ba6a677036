/** A choice between two tensors with broadcasting (broadcast.ts). */
import { loadPartial, storePartial } from '../lanes';
import { BroadcastShape, eachRun, Run, step } from './broadcast';

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

/**
 * a where c is not 0, else b.
 * @inline
 */
function choose(c: v128, a: v128, b: v128): v128 {
  return v128.bitselect(a, b, f32x4.ne(c, f32x4.splat(0)));
}

@unmanaged
class Choice extends Run {
  of(y: usize, a: usize, b: usize, c: usize, n: i32, shape: BroadcastShape): void {
    const a5 = shape.a5;
    const b5 = shape.b5;
    const c5 = shape.c5;
    const tail = n & 3;
    const end = y + ((<usize>(n - tail)) << 2);
    if ((a5 & b5 & c5) != 0) {
      while (y < end) {
        v128.store(y, choose(v128.load(c), v128.load(a), v128.load(b)));
        y += 16;
        a += 16;
        b += 16;
        c += 16;
      }
    }
    while (y < end) {
      v128.store(y, choose(fourOf(c, c5), fourOf(a, a5), fourOf(b, b5)));
      y += 16;
      a = step(a, 4, a5);
      b = step(b, 4, b5);
      c = step(c, 4, c5);
    }
    if (tail)
      storePartial(y, choose(fewOf(c, c5, tail), fewOf(a, a5, tail), fewOf(b, b5, tail)), tail);
  }
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
  eachRun<Choice>(y, a, b, c, shape, from, to);
}
