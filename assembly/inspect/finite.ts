/** Which numbers are finite. Kernels that look at tensors leave the others out, and count them. */

/**
 * All ones in the lanes that hold a finite number.
 * @inline
 */
export function finiteLanes(v: v128): v128 {
  return f32x4.lt(f32x4.abs(v), f32x4.splat(Infinity));
}

/**
 * Whether the float32 number with these bits is finite.
 * @inline
 */
export function isFiniteBits(bits: i32): bool {
  return (bits & 0x7fffffff) < 0x7f800000;
}
