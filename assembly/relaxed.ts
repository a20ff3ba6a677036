/** What the relaxed build contains: all kernels, and a single multiply-add, which shows how the engine rounds. */
export * from './all';

import { madd } from './lanes';

/** a·b + c, as the kernels compute it. */
export function multiplyAdd(a: f32, b: f32, c: f32): f32 {
  return f32x4.extract_lane(madd(f32x4.splat(a), f32x4.splat(b), f32x4.splat(c)), 0);
}
