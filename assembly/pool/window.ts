/**
 * What the kernels that slide a window over a plane share: where a window lies wholly inside its
 * row, and vectors of every second (third, …) float. Everything here is inlined.
 */

/**
 * The first output whose window does not start in the padding.
 * @inline
 */
export function innerFrom(outSize: i32, stride: i32, pad: i32): i32 {
  return min((pad + stride - 1) / stride, outSize);
}

/**
 * One past the last output whose window, `span` = (kernel − 1)·dilation beyond its start, ends
 * inside the row.
 * @inline
 */
export function innerTo(size: i32, outSize: i32, span: i32, stride: i32, pad: i32): i32 {
  const room = size - 1 - span + pad;
  return room < 0 ? 0 : min(room / stride + 1, outSize);
}

/**
 * Whether each output stands on its own two inputs: the pooling of nearly every network.
 * @inline
 */
export function isHalving(size: i32, outSize: i32, kernel: i32, stride: i32, pad: i32): bool {
  return kernel == 2 && stride == 2 && pad == 0 && 2 * outSize <= size;
}

/**
 * How many taps of a window that starts at `start` < 0 fall before index 0.
 * @inline
 */
export function tapsBefore(start: i32, dilation: i32): i32 {
  return start < 0 ? (dilation - 1 - start) / dilation : 0;
}

/**
 * One past the last tap of a window that falls before index `size`.
 * @inline
 */
export function tapsWithin(start: i32, size: i32, kernel: i32, dilation: i32): i32 {
  const room = size - 1 - start;
  return room < 0 ? 0 : min(room / dilation + 1, kernel);
}

/**
 * Four floats, `step` floats apart; reads nothing after the fourth.
 * @inline
 */
export function loadEvery(p: usize, step: i32): v128 {
  if (step == 1) return v128.load(p);
  // p[0] p[1] p[2] p[3] and p[3] p[4] p[5] p[6] → p[0] p[2] p[4] p[6]
  if (step == 2) return i32x4.shuffle(v128.load(p), v128.load(p, 12), 0, 2, 5, 7);
  const stride = (<usize>step) << 2;
  let v = v128.load32_zero(p);
  v = v128.load_lane<f32>(p + stride, v, 1);
  v = v128.load_lane<f32>(p + 2 * stride, v, 2);
  return v128.load_lane<f32>(p + 3 * stride, v, 3);
}

/**
 * a0 a1 a2 a3 · b0 b1 b2 b3 → a0 a2 b0 b2
 * @inline
 */
export function evens(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 0, 2, 4, 6);
}

/**
 * a0 a1 a2 a3 · b0 b1 b2 b3 → a1 a3 b1 b3
 * @inline
 */
export function odds(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 1, 3, 5, 7);
}

/**
 * a0 a1 a2 a3 · b0 b1 b2 b3 → a0 b0 a1 b1
 * @inline
 */
export function zipLow(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 0, 4, 1, 5);
}

/**
 * a0 a1 a2 a3 · b0 b1 b2 b3 → a2 b2 a3 b3
 * @inline
 */
export function zipHigh(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 2, 6, 3, 7);
}
