/**
 * Sums over some axes of a tensor, and of the product of two tensors, the second with broadcasting: what an
 * operand that was broadcast gets as its gradient. The host joins neighbouring axes; three loops that are kept
 * and three that are summed over are left. Each sum is made in runs of float32 that end in float64
 * (`assembly/reduce.ts`), and its order follows from the shape alone.
 */
import { at, loadUpTo, loadVector, madd, narrow, storeUpTo } from '../lanes';
import { addToTotals, sumRuns, Terms } from '../reduce';
import { step } from './broadcast';

/** Kept loops k and summed loops r, outermost first; a loop that is absent has one iteration. */
@unmanaged
export class ReduceShape {
  k0: i32;
  k1: i32;
  k2: i32;
  r0: i32;
  r1: i32;
  r2: i32;
  /** How many floats apart the numbers of a are in each loop. */
  ak0: i32;
  ak1: i32;
  ak2: i32;
  ar0: i32;
  ar1: i32;
  ar2: i32;
  /** The same for b. */
  bk0: i32;
  bk1: i32;
  bk2: i32;
  br0: i32;
  br1: i32;
  br2: i32;
  /**
   * Whether the axis whose numbers are neighbours in a is kept: it is then the loop k2, otherwise r2. In that
   * loop b steps by 0 or 1.
   */
  columns: i32;
}

@unmanaged
class Plain extends Terms {
  add(sum: v128, x: usize, y: usize, vector: i32, count: i32): v128 {
    return f32x4.add(sum, loadVector(x, vector, count));
  }
}

@unmanaged
class Products extends Terms {
  add(sum: v128, x: usize, y: usize, vector: i32, count: i32): v128 {
    return madd(loadVector(x, vector, count), loadVector(y, vector, count), sum);
  }
}

/** Rows of a chunk: their lines stay in the cache until all panels of columns have read them. */
const ROWS: i32 = 32;

/** Bytes of scratch of `sumProducts`. */
export function sumProductsScratch(shape: ReduceShape): f64 {
  return shape.columns ? <f64>shape.k2 * 8 + 32 : 0;
}

/**
 * y = scale·Σ a·b over the loops r, or scale·Σ a if b is 0, for elements [from, to) of y, which has the kept
 * loops as its axes.
 */
export function sumProducts(
  y: usize, // [k0, k1, k2] f32
  a: usize, // f32, as `shape` says
  b: usize, // f32, as `shape` says, or 0
  shape: ReduceShape,
  scale: f64,
  from: i32,
  to: i32,
  scratch: usize, // sumProductsScratch
): void {
  const k1 = shape.k1;
  const k2 = shape.k2;
  let o = from;
  while (o < to) {
    const rest = o / k2;
    const i2 = o - rest * k2;
    const i0 = rest / k1;
    const i1 = rest - i0 * k1;
    const pa = step(step(step(a, i0, shape.ak0), i1, shape.ak1), i2, shape.ak2);
    const pb: usize = b == 0 ? 0 : step(step(step(b, i0, shape.bk0), i1, shape.bk1), i2, shape.bk2);
    const count = min(to - o, k2 - i2);
    if (shape.columns) columnSums(at(y, o), pa, pb, count, shape, scale, scratch);
    else rowSums(at(y, o), pa, pb, count, shape, scale);
    o += count;
  }
}

/** The sums of `count` neighbouring outputs, each of runs of neighbouring numbers. */
function rowSums(y: usize, a: usize, b: usize, count: i32, shape: ReduceShape, scale: f64): void {
  const n = shape.r2;
  const r0 = shape.r0;
  const r1 = shape.r1;
  const end = at(y, count);
  while (y < end) {
    let sum: f64 = 0;
    for (let i = 0; i < r0; i++) {
      let pa = step(a, i, shape.ar0);
      let pb = step(b, i, shape.br0);
      for (let j = 0; j < r1; j++) {
        if (b == 0) {
          sum = sumRuns<Plain>(sum, pa, pa, n, 4, true);
        } else if (shape.br2 != 0) {
          sum = sumRuns<Products>(sum, pa, pb, n, 4, true);
        } else {
          sum += <f64>load<f32>(pb) * sumRuns<Plain>(0, pa, pa, n, 4, true);
        }
        pa = step(pa, 1, shape.ar1);
        pb = step(pb, 1, shape.br1);
      }
    }
    store<f32>(y, <f32>(scale * sum));
    y += 4;
    a = step(a, 1, shape.ak2);
    if (b) b = step(b, 1, shape.bk2);
  }
}

/** The sums of `count` neighbouring outputs, whose numbers stand side by side in each row of a. */
function columnSums(
  y: usize,
  a: usize,
  b: usize,
  count: i32,
  shape: ReduceShape,
  scale: f64,
  totals: usize, // [count] f64
): void {
  const splat = shape.bk2 == 0;
  memory.fill(totals, 0, ((<usize>count) << 3) + 32);
  for (let i = 0; i < shape.r0; i++) {
    for (let j = 0; j < shape.r1; j++) {
      const pa = step(step(a, i, shape.ar0), j, shape.ar1);
      const pb = step(step(b, i, shape.br0), j, shape.br1);
      for (let row = 0; row < shape.r2; row += ROWS) {
        const rows = min(ROWS, shape.r2 - row);
        const qa = step(pa, row, shape.ar2);
        if (b == 0) addRows(totals, qa, count, rows, shape.ar2);
        else addProducts(totals, qa, step(pb, row, shape.br2), count, rows, shape, splat);
      }
    }
  }
  const by = f64x2.splat(scale);
  for (let c = 0; c < count; c += 4) {
    const p = totals + ((<usize>c) << 3);
    const v = narrow(f64x2.mul(v128.load(p), by), f64x2.mul(v128.load(p, 16), by));
    storeUpTo(at(y, c), v, count - c);
  }
}

/** totals[c] += Σ a[r, c] over a chunk of rows, in float32 from zero. */
function addRows(totals: usize, a: usize, count: i32, rows: i32, stride: i32): void {
  const by = (<usize>stride) << 2;
  const down = <usize>rows * by;
  let c = 0;
  for (; c + 16 <= count; c += 16) {
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let p = at(a, c);
    const end = p + down;
    while (p < end) {
      s0 = f32x4.add(s0, v128.load(p));
      s1 = f32x4.add(s1, v128.load(p, 16));
      s2 = f32x4.add(s2, v128.load(p, 32));
      s3 = f32x4.add(s3, v128.load(p, 48));
      p += by;
    }
    const t = totals + ((<usize>c) << 3);
    addToTotals(t, s0);
    addToTotals(t + 32, s1);
    addToTotals(t + 64, s2);
    addToTotals(t + 96, s3);
  }
  for (; c < count; c += 4) {
    let sum = f32x4.splat(0);
    let p = at(a, c);
    for (let r = 0; r < rows; r++) {
      sum = f32x4.add(sum, loadUpTo(p, count - c));
      p += by;
    }
    addToTotals(totals + ((<usize>c) << 3), sum);
  }
}

/** totals[c] += Σ a[r, c]·b[r, c] over a chunk of rows; with `splat` b has one number for each row. */
function addProducts(
  totals: usize,
  a: usize,
  b: usize,
  count: i32,
  rows: i32,
  shape: ReduceShape,
  splat: bool,
): void {
  const byA = (<usize>shape.ar2) << 2;
  const byB = (<usize>shape.br2) << 2;
  let c = 0;
  for (; c + 16 <= count; c += 16) {
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let p = at(a, c);
    let q = splat ? b : at(b, c);
    for (let r = 0; r < rows; r++) {
      const v = v128.load32_splat(q);
      s0 = madd(v128.load(p), splat ? v : v128.load(q), s0);
      s1 = madd(v128.load(p, 16), splat ? v : v128.load(q, 16), s1);
      s2 = madd(v128.load(p, 32), splat ? v : v128.load(q, 32), s2);
      s3 = madd(v128.load(p, 48), splat ? v : v128.load(q, 48), s3);
      p += byA;
      q += byB;
    }
    const t = totals + ((<usize>c) << 3);
    addToTotals(t, s0);
    addToTotals(t + 32, s1);
    addToTotals(t + 64, s2);
    addToTotals(t + 96, s3);
  }
  for (; c < count; c += 4) {
    let sum = f32x4.splat(0);
    let p = at(a, c);
    let q = splat ? b : at(b, c);
    for (let r = 0; r < rows; r++) {
      const v = splat ? v128.load32_splat(q) : loadUpTo(q, count - c);
      sum = madd(loadUpTo(p, count - c), v, sum);
      p += byA;
      q += byB;
    }
    addToTotals(totals + ((<usize>c) << 3), sum);
  }
}
