/**
 * dx = dy·a + d·p + q along contiguous memory. In a plane all elements have the coefficients of one
 * channel, which stay in registers. In a long row the coefficients differ from lane to lane and are loaded
 * with it (row-tiling.ts). Eight numbers a step.
 */

import { loadUpTo, storeUpTo } from '../lanes';
import { GRADIENT_RELU, inputGradient, loadNumbers, readsX, whereCounted } from './equations';
import { loadRepeated } from './row-tiling';
import { INTERCEPT, OFFSET, SCALE, SHIFT, SLOPE } from './shape';

/**
 * `bytes` of dx, of one plane.
 * @inline
 */
export function planeGradient(
  kind: i32,
  frozen: bool,
  masked: bool,
  dx: usize,
  k: v128,
  a: v128,
  b: v128,
  p: v128,
  q: v128,
  dy: usize,
  x: usize,
  mask: usize, // read with `masked` only; dx is 0 where it is 0
  bytes: usize,
): void {
  // with frozen statistics and no ReLU dx does not depend on d
  const unshifted = !readsX(kind, frozen);
  const whole = dx + (bytes & ~31);
  const end = dx + bytes;
  while (dx < whole) {
    const x0 = readsX(kind, frozen) ? v128.load(x) : a;
    const x1 = readsX(kind, frozen) ? v128.load(x, 16) : a;
    let dx0 = inputGradient(kind, frozen, unshifted, v128.load(dy), x0, k, a, b, p, q);
    let dx1 = inputGradient(kind, frozen, unshifted, v128.load(dy, 16), x1, k, a, b, p, q);
    if (masked) {
      dx0 = whereCounted(dx0, v128.load(mask));
      dx1 = whereCounted(dx1, v128.load(mask, 16));
      mask += 32;
    }
    v128.store(dx, dx0);
    v128.store(dx, dx1, 16);
    dx += 32;
    dy += 32;
    x += 32;
  }
  while (dx < end) {
    const count = <i32>((end - dx) >> 2);
    const x0 = readsX(kind, frozen) ? loadUpTo(x, count) : a;
    let v = inputGradient(kind, frozen, unshifted, loadUpTo(dy, count), x0, k, a, b, p, q);
    if (masked) {
      v = whereCounted(v, loadUpTo(mask, count));
      mask += 16;
    }
    storeUpTo(dx, v, count);
    dx += 16;
    dy += 16;
    x += 16;
  }
}

/**
 * `bytes` of dx, of a long row.
 * @inline
 */
export function rowGradient(
  kind: i32,
  frozen: bool,
  unshifted: bool,
  dx: usize,
  repeated: usize, // [5, SPAN]: K, a, b, p, q
  dy: usize,
  x: usize,
  bytes: usize,
): void {
  const whole = dx + (bytes & ~31);
  const end = dx + bytes;
  while (dx < whole) {
    const x0 = readsX(kind, frozen) ? v128.load(x) : v128.load(dy);
    const x1 = readsX(kind, frozen) ? v128.load(x, 16) : v128.load(dy, 16);
    const dx0 = gradientOf(kind, frozen, unshifted, repeated, false, v128.load(dy), x0);
    const dx1 = gradientOf(kind, frozen, unshifted, repeated, true, v128.load(dy, 16), x1);
    v128.store(dx, dx0);
    v128.store(dx, dx1, 16);
    dx += 32;
    dy += 32;
    x += 32;
    repeated += 32;
  }
  while (dx < end) {
    const count = <i32>((end - dx) >> 2);
    const dy0 = loadNumbers(dy, count, false);
    const x0 = readsX(kind, frozen) ? loadNumbers(x, count, false) : dy0;
    storeUpTo(dx, gradientOf(kind, frozen, unshifted, repeated, false, dy0, x0), count);
    dx += 16;
    dy += 16;
    x += 16;
    repeated += 16;
  }
}

/**
 * dx of four numbers, with the four lanes of the repeated rows, or with `next` the four after them.
 * @inline
 */
function gradientOf(
  kind: i32,
  frozen: bool,
  unshifted: bool,
  repeated: usize,
  next: bool,
  dy: v128,
  x: v128,
): v128 {
  const a = loadRepeated(repeated, SCALE, next);
  const k = unshifted ? a : loadRepeated(repeated, SHIFT, next);
  const b = kind == GRADIENT_RELU ? loadRepeated(repeated, OFFSET, next) : a;
  const p = frozen ? a : loadRepeated(repeated, SLOPE, next);
  const q = frozen ? a : loadRepeated(repeated, INTERCEPT, next);
  return inputGradient(kind, frozen, unshifted, dy, x, k, a, b, p, q);
}
