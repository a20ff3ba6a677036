import { at } from './lanes';

/**
 * index = argmax over c of x [n, c, inner] for rows [from, to) of n: the first of equals; a NaN
 * counts as the largest, as in PyTorch.
 */
export function argmaxForward(
  index: usize, // [n, inner] i32
  x: usize, // [n, c, inner] f32
  c: i32,
  inner: i32,
  from: i32,
  to: i32,
): void {
  const stride = (<usize>inner) << 2;
  for (let r = from; r < to; r++) {
    const row = x + <usize>r * <usize>c * stride;
    for (let i = 0; i < inner; i++) {
      let p = at(row, i);
      let best = load<f32>(p);
      let where = 0;
      for (let k = 1; k < c; k++) {
        p += stride;
        const v = load<f32>(p);
        // biome-ignore lint/suspicious/noSelfCompare: tells NaN from numbers
        if (v > best || (v != v && best == best)) {
          best = v;
          where = k;
        }
      }
      store<i32>(at(index + <usize>r * stride, i), where);
    }
  }
}

/** How many of the positions [from, to) have index = label. */
export function countEqual(
  index: usize, // [n] i32
  labels: usize, // [n] i32
  from: i32,
  to: i32,
): i32 {
  let count = 0;
  for (let i = from; i < to; i++) {
    if (load<i32>(at(index, i)) == load<i32>(at(labels, i))) count++;
  }
  return count;
}
