/**
 * Lane shuffles and strided loads. Everything here is inlined.
 */

/**
 * The even lanes of two vectors.
 *
 *   a  a0 a1 a2 a3
 *   b  b0 b1 b2 b3   →   a0 a2 b0 b2
 * @inline
 */
export function evens(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 0, 2, 4, 6);
}

/**
 * The odd lanes of two vectors.
 *
 *   a  a0 a1 a2 a3
 *   b  b0 b1 b2 b3   →   a1 a3 b1 b3
 * @inline
 */
export function odds(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 1, 3, 5, 7);
}

/**
 * The low halves of two vectors, interleaved.
 *
 *   a  a0 a1 a2 a3
 *   b  b0 b1 b2 b3   →   a0 b0 a1 b1
 * @inline
 */
export function zipLow(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 0, 4, 1, 5);
}

/**
 * The high halves of two vectors, interleaved.
 *
 *   a  a0 a1 a2 a3
 *   b  b0 b1 b2 b3   →   a2 b2 a3 b3
 * @inline
 */
export function zipHigh(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 2, 6, 3, 7);
}

/**
 * p[0], p[2], p[4] and p[6]. Nothing after p[6] is read, so the second load overlaps the first.
 *
 *   p[0..3]  p0 p1 p2 p3
 *   p[3..6]  p3 p4 p5 p6   →   p0 p2 p4 p6
 * @inline
 */
export function loadEvens(p: usize): v128 {
  return i32x4.shuffle(v128.load(p), v128.load(p, 12), 0, 2, 5, 7);
}

/**
 * Four floats at a stride of `step` floats. Nothing after the fourth is read.
 * @inline
 */
export function loadEvery(p: usize, step: i32): v128 {
  if (step == 1) return v128.load(p);
  if (step == 2) return loadEvens(p);
  const stride = (<usize>step) << 2;
  let v = v128.load32_zero(p);
  v = v128.load_lane<f32>(p + stride, v, 1);
  v = v128.load_lane<f32>(p + 2 * stride, v, 2);
  return v128.load_lane<f32>(p + 3 * stride, v, 3);
}
