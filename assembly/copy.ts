/**
 * Copies rows of `width` floats between two arrays, each with its own row stride: a whole array
 * (rows = 1), or one part of a concatenation.
 */
export function copyRows(
  y: usize, // [rows, ≥ width] f32, row stride `yStride` floats
  x: usize, // [rows, ≥ width] f32, row stride `xStride` floats
  rows: i32,
  width: i32,
  yStride: i32,
  xStride: i32,
): void {
  const bytes = (<usize>width) << 2;
  for (let r = 0; r < rows; r++) {
    memory.copy(y, x, bytes);
    y += (<usize>yStride) << 2;
    x += (<usize>xStride) << 2;
  }
}
