/**
 * The sizes of a pooling over planes, which the kernels of this folder take, and the positions of windows.
 * The host writes the struct once, when it makes a plan. A window is the kernelH · kernelW taps that one
 * output reads; along an axis, output o reads the inputs o·stride − pad + t·dilation for taps t.
 */
@unmanaged
export class PoolShape {
  /** Of x. */
  h: i32;
  w: i32;
  /** Of y. */
  outH: i32;
  outW: i32;
  kernelH: i32;
  kernelW: i32;
  strideH: i32;
  strideW: i32;
  /** Padding above and to the left. */
  top: i32;
  left: i32;
  dilationH: i32;
  dilationW: i32;
  /** For average pooling: whether the padding counts in the divisor. */
  countIncludePad: i32;
}

/**
 * The first output whose window does not begin in the padding.
 * @inline
 */
export function innerFrom(outSize: i32, stride: i32, pad: i32): i32 {
  return min((pad + stride - 1) / stride, outSize);
}

/**
 * One past the last output whose window ends inside the row. The last tap of a window is `span` = (kernel −
 * 1)·dilation after its first.
 * @inline
 */
export function innerTo(size: i32, outSize: i32, span: i32, stride: i32, pad: i32): i32 {
  const room = size - 1 - span + pad;
  return room < 0 ? 0 : min(room / stride + 1, outSize);
}

/**
 * Whether windows are 2×2 blocks side by side, at least four in a row. Most networks pool like this, so
 * there are separate loops for it.
 */
export function isHalving(shape: PoolShape): bool {
  return (
    shape.outW >= 4 &&
    isHalved(shape.h, shape.outH, shape.kernelH, shape.strideH) &&
    isHalved(shape.w, shape.outW, shape.kernelW, shape.strideW) &&
    shape.top == 0 &&
    shape.left == 0 &&
    shape.dilationH == 1 &&
    shape.dilationW == 1
  );
}

/** @inline */
function isHalved(size: i32, outSize: i32, kernel: i32, stride: i32): bool {
  return kernel == 2 && stride == 2 && 2 * outSize <= size;
}

/**
 * How many taps of a window that begins at index `start` fall before index 0.
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
