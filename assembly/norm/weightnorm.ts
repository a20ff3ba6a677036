/**
 * Weight norm: each row of a weight, seen as a matrix [rows, cols], is a direction v times a
 * length g.
 *
 *   w  = v·g/‖v‖
 *   dg = P/‖v‖                      P = Σ dw·v of the row
 *   dv = (dw − v·P/‖v‖²)·g/‖v‖      which is orthogonal to v
 */
import { at, loadPartial, madd, storePartial } from '../lanes';
import { dot, scaleRow, squaredNorm } from './row';

/** ‖v‖ of rows [from, to). */
export function rowNorms(
  norm: usize, // [rows] f32
  v: usize, // [rows, cols] f32
  cols: i32,
  from: i32,
  to: i32,
): void {
  for (let i = from; i < to; i++) {
    const p = v + ((<usize>i * <usize>cols) << 2);
    f32.store(at(norm, i), <f32>sqrt(squaredNorm(p, cols)));
  }
}

/** w = v·g/‖v‖ for rows [from, to); saves ‖v‖ of each. */
export function weightNormForward(
  w: usize, // [rows, cols] f32
  norm: usize, // [rows] f32, ‖v‖
  v: usize, // [rows, cols] f32
  g: usize, // [rows] f32
  cols: i32,
  from: i32,
  to: i32,
): void {
  for (let i = from; i < to; i++) {
    // The row is still in the first-level cache when it is scaled.
    rowNorms(norm, v, cols, i, i + 1);
    const o = (<usize>i * <usize>cols) << 2;
    scaleRow(w + o, v + o, f32.load(at(g, i)) / f32.load(at(norm, i)), cols);
  }
}

/** dg and dv of rows [from, to). Both are added to. */
export function weightNormBackward(
  dg: usize, // [rows] f32, added to; 0: not needed
  dv: usize, // [rows, cols] f32, added to; 0: not needed
  norm: usize, // [rows] f32, ‖v‖
  dw: usize, // [rows, cols] f32
  v: usize, // [rows, cols] f32
  g: usize, // [rows] f32
  cols: i32,
  from: i32,
  to: i32,
): void {
  const tail = cols & 3;
  for (let i = from; i < to; i++) {
    const o = (<usize>i * <usize>cols) << 2;
    const product = dot(dw + o, v + o, cols);
    const length = <f64>f32.load(at(norm, i));
    if (dg) f32.store(at(dg, i), <f32>(<f64>f32.load(at(dg, i)) + product / length));
    if (!dv) continue;
    const scale = f32x4.splat(f32.load(at(g, i)) / f32.load(at(norm, i)));
    const along = f32x4.splat(<f32>(-product / (length * length)));
    let p = v + o;
    let d = dw + o;
    let q = dv + o;
    const end = at(p, cols - tail);
    while (p < end) {
      const across = madd(v128.load(p), along, v128.load(d));
      v128.store(q, madd(across, scale, v128.load(q)));
      p += 16;
      d += 16;
      q += 16;
    }
    if (tail) {
      const across = madd(loadPartial(p, tail), along, loadPartial(d, tail));
      storePartial(q, madd(across, scale, loadPartial(q, tail)), tail);
    }
  }
}
