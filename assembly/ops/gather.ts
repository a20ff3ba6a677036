/** Rows of a table by their numbers: y[i] = w[index[i]], and the gradient of the table. */
import { at } from '../lanes';

/** The numbers of the rows. */
export type RowIndex = usize;

/** y[i] = w[index[i]] for rows [from, to) of y. */
export function gatherRows(
  y: usize, // [count, width] f32
  index: RowIndex, // [count] i32
  w: usize, // [rows, width] f32
  width: i32,
  from: i32,
  to: i32,
): void {
  const bytes = (<usize>width) << 2;
  for (let i = from; i < to; i++) {
    const row = <usize>load<i32>(at(index, i));
    memory.copy(y + <usize>i * bytes, w + row * bytes, bytes);
  }
}

/** dw[index[i]] += dy[i], in order of i, for columns [from, to). */
export function scatterRows(
  dw: usize, // [rows, width] f32, added to
  index: RowIndex, // [count] i32
  dy: usize, // [count, width] f32
  count: i32,
  width: i32,
  from: i32,
  to: i32,
): void {
  const bytes = (<usize>width) << 2;
  for (let i = 0; i < count; i++) {
    let p = at(dw + <usize>load<i32>(at(index, i)) * bytes, from);
    let q = at(dy + <usize>i * bytes, from);
    const end = p + ((<usize>(to - from)) << 2);
    while (p + 16 <= end) {
      v128.store(p, f32x4.add(v128.load(p), v128.load(q)));
      p += 16;
      q += 16;
    }
    while (p < end) {
      store<f32>(p, load<f32>(p) + load<f32>(q));
      p += 4;
      q += 4;
    }
  }
}
