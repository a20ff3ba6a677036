import { addFour, at, sumLanes } from '../lanes';

/** y[p] = mean of plane p, for planes [from, to). Sixteen independent sums are added in a fixed order. */
export function globalAvgPoolForward(
  y: usize, // [planes] f32
  x: usize, // [planes, size] f32
  size: i32,
  from: i32,
  to: i32,
): void {
  const tail = size & 3;
  const blocks = size & ~15;
  for (let plane = from; plane < to; plane++) {
    let p = x + ((<usize>plane * <usize>size) << 2);
    const blocksEnd = at(p, blocks);
    const vectorsEnd = at(p, size - tail);
    const end = at(p, size);
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    while (p < blocksEnd) {
      s0 = f32x4.add(s0, v128.load(p));
      s1 = f32x4.add(s1, v128.load(p, 16));
      s2 = f32x4.add(s2, v128.load(p, 32));
      s3 = f32x4.add(s3, v128.load(p, 48));
      p += 64;
    }
    while (p < vectorsEnd) {
      s0 = f32x4.add(s0, v128.load(p));
      p += 16;
    }
    let sum = sumLanes(addFour(s0, s2, s1, s3));
    while (p < end) {
      sum += load<f32>(p);
      p += 4;
    }
    store<f32>(at(y, plane), sum / <f32>size);
  }
}

/** dx[p, i] = dy[p] / size, for planes [from, to). */
export function globalAvgPoolBackward(
  dx: usize, // [planes, size] f32, overwritten
  dy: usize, // [planes] f32
  size: i32,
  from: i32,
  to: i32,
): void {
  const tail = size & 3;
  for (let plane = from; plane < to; plane++) {
    let p = dx + ((<usize>plane * <usize>size) << 2);
    const vectorsEnd = at(p, size - tail);
    const end = at(p, size);
    const share = load<f32>(at(dy, plane)) / <f32>size;
    const shares = f32x4.splat(share);
    while (p < vectorsEnd) {
      v128.store(p, shares);
      p += 16;
    }
    while (p < end) {
      store<f32>(p, share);
      p += 4;
    }
  }
}
