/**
 * Bare loops over memory: what benchmarks of passes over elements divide by. Not part of the module
 * (index.ts). Sizes are multiples of 16 floats.
 */

/** R: reads and sums. Returns a sum, so that the work is not dead. */
export function readSum(x: usize, size: i32): f32 {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  const end = x + ((<usize>size) << 2);
  while (x < end) {
    s0 = f32x4.add(s0, v128.load(x));
    s1 = f32x4.add(s1, v128.load(x, 16));
    s2 = f32x4.add(s2, v128.load(x, 32));
    s3 = f32x4.add(s3, v128.load(x, 48));
    x += 64;
  }
  const sum = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
  return f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 3);
}

/** S: y = x·a, or I with y = x. */
export function scale(y: usize, x: usize, a: f32, size: i32): void {
  const factor = f32x4.splat(a);
  const end = x + ((<usize>size) << 2);
  while (x < end) {
    v128.store(y, f32x4.mul(v128.load(x), factor));
    v128.store(y, f32x4.mul(v128.load(x, 16), factor), 16);
    v128.store(y, f32x4.mul(v128.load(x, 32), factor), 32);
    v128.store(y, f32x4.mul(v128.load(x, 48), factor), 48);
    x += 64;
    y += 64;
  }
}

/** S₂: z = x + y, two reads and one write. */
export function sum(z: usize, x: usize, y: usize, size: i32): void {
  const end = x + ((<usize>size) << 2);
  while (x < end) {
    v128.store(z, f32x4.add(v128.load(x), v128.load(y)));
    v128.store(z, f32x4.add(v128.load(x, 16), v128.load(y, 16)), 16);
    v128.store(z, f32x4.add(v128.load(x, 32), v128.load(y, 32)), 32);
    v128.store(z, f32x4.add(v128.load(x, 48), v128.load(y, 48)), 48);
    x += 64;
    y += 64;
    z += 64;
  }
}

/**
 * memory.copy of `size` floats, as the engine implements it. For comparison only: wasm stores cannot reach
 * its speed.
 */
export function copy(y: usize, x: usize, size: i32): void {
  memory.copy(y, x, (<usize>size) << 2);
}
