/** Copies between tensors whose numbers stand in different orders: permuted axes, margins, parts. */
import { transposeFour } from '../shuffle';
import { step } from './broadcast';

/** Six loops, outermost first, and how many floats apart the numbers of y and x are in each. */
@unmanaged
export class CopyShape {
  n0: i32;
  n1: i32;
  n2: i32;
  n3: i32;
  n4: i32;
  n5: i32;
  y0: i32;
  y1: i32;
  y2: i32;
  y3: i32;
  y4: i32;
  y5: i32;
  x0: i32;
  x1: i32;
  x2: i32;
  x3: i32;
  x4: i32;
  x5: i32;
}

/** y[i] = x[i] for planes [from, to) of the n0·n1·n2·n3 that the four outer loops visit. */
export function copyStrided(
  y: usize, // f32, as `shape` says
  x: usize, // f32, as `shape` says
  shape: CopyShape,
  from: i32,
  to: i32,
): void {
  const n1 = shape.n1;
  const n2 = shape.n2;
  const n3 = shape.n3;
  for (let plane = from; plane < to; plane++) {
    const i3 = plane % n3;
    const rest3 = plane / n3;
    const i2 = rest3 % n2;
    const rest2 = rest3 / n2;
    const i1 = rest2 % n1;
    const i0 = rest2 / n1;
    let py = step(y, i0, shape.y0);
    py = step(step(step(py, i1, shape.y1), i2, shape.y2), i3, shape.y3);
    let px = step(x, i0, shape.x0);
    px = step(step(step(px, i1, shape.x1), i2, shape.x2), i3, shape.x3);
    copyPlane(py, px, shape.n4, shape.n5, shape.y4, shape.x4, shape.y5, shape.x5);
  }
}

/** y[i, j] = x[i, j] of n by m numbers. */
function copyPlane(
  y: usize,
  x: usize,
  n: i32,
  m: i32,
  yRow: i32,
  xRow: i32,
  yStep: i32,
  xStep: i32,
): void {
  if (yStep == 1 && xStep == 1) {
    const bytes = (<usize>m) << 2;
    for (let i = 0; i < n; i++) {
      memory.copy(y, x, bytes);
      y = step(y, 1, yRow);
      x = step(x, 1, xRow);
    }
  } else if (yStep == 1 && xRow == 1) {
    transpose(y, x, n, m, yRow, xStep);
  } else {
    for (let i = 0; i < n; i++) {
      let py = y;
      let px = x;
      for (let j = 0; j < m; j++) {
        store<f32>(py, load<f32>(px));
        py = step(py, 1, yStep);
        px = step(px, 1, xStep);
      }
      y = step(y, 1, yRow);
      x = step(x, 1, xRow);
    }
  }
}

/** y[i, j] = x[j, i] of n by m numbers, in blocks of four by four. */
function transpose(
  y: usize, // [n, m] f32, row stride yRow
  x: usize, // [m, n] f32, row stride xRow
  n: i32,
  m: i32,
  yRow: i32,
  xRow: i32,
): void {
  const most = n & ~3;
  const wide = m & ~3;
  const row = (<usize>xRow) << 2;
  const out = (<usize>yRow) << 2;
  // Sixteen rows of y at a time: their numbers stand in one line of the cache in each row of x. Rows that are a
  // multiple of 2 KiB apart meet in two sets of the first-level cache, which hold eight such lines beside those of x.
  const strip = (yRow & 511) == 0 ? 8 : 16;
  for (let block = 0; block < most; block += strip) {
    const end = min(block + strip, most);
    for (let j = 0; j < wide; j += 4) {
      let py = step(y, block, yRow) + ((<usize>j) << 2);
      let px = step(x, j, xRow) + ((<usize>block) << 2);
      for (let i = block; i < end; i += 4) {
        transposeFour(py, out, px, px + row, px + 2 * row, px + 3 * row);
        py += 4 * out;
        px += 16;
      }
    }
  }
  for (let i = 0; i < n; i++) {
    for (let j = i < most ? wide : 0; j < m; j++) {
      store<f32>(
        step(y, i, yRow) + ((<usize>j) << 2),
        load<f32>(step(x, j, xRow) + ((<usize>i) << 2)),
      );
    }
  }
}

/** y[i] = value for elements [from, to). */
export function fillWith(y: usize, value: f32, from: i32, to: i32): void {
  const v = f32x4.splat(value);
  const tail = (to - from) & 3;
  let p = y + ((<usize>from) << 2);
  const end = y + ((<usize>(to - tail)) << 2);
  while (p < end) {
    v128.store(p, v);
    p += 16;
  }
  for (let i = 0; i < tail; i++) store<f32>(p + ((<usize>i) << 2), value);
}
