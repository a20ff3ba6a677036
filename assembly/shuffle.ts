/**
 * Lane shuffles, strided loads and the transposition of 4 × 4 floats. Everything here is inlined.
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

/**
 * Transposes the 4 × 4 floats whose rows start at r0 … r3, to rows at dst with a stride of `stride` bytes.
 *
 *   r0 a0 a1 a2 a3      a0 b0 c0 d0
 *   r1 b0 b1 b2 b3  →   a1 b1 c1 d1
 *   r2 c0 c1 c2 c3      a2 b2 c2 d2
 *   r3 d0 d1 d2 d3      a3 b3 c3 d3
 * @inline
 */
export function transposeFour(
  dst: usize,
  stride: usize,
  r0: usize,
  r1: usize,
  r2: usize,
  r3: usize,
): void {
  const v0 = v128.load(r0);
  const v1 = v128.load(r1);
  const v2 = v128.load(r2);
  const v3 = v128.load(r3);
  const low01 = v128.shuffle<f32>(v0, v1, 0, 4, 1, 5);
  const low23 = v128.shuffle<f32>(v2, v3, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(v0, v1, 2, 6, 3, 7);
  const high23 = v128.shuffle<f32>(v2, v3, 2, 6, 3, 7);
  v128.store(dst, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
  v128.store(dst + stride, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
  v128.store(dst + 2 * stride, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
  v128.store(dst + 3 * stride, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
}
