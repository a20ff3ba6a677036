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
    if (shape.columns) {
      const count = min(to - o, k2 - i2);
      columnSums(at(y, o), pa, pb, count, shape, scale, scratch);
      o += count;
    } else {
      store<f32>(at(y, o), <f32>(scale * total(pa, pb, shape)));
      o++;
    }
  }
}

/** Σ over the loops r of one output, whose innermost loop is a run of neighbouring numbers. */
function total(a: usize, b: usize, shape: ReduceShape): f64 {
  const n = shape.r2;
  let sum: f64 = 0;
  for (let i = 0; i < shape.r0; i++) {
    let pa = step(a, i, shape.ar0);
    let pb = step(b, i, shape.br0);
    for (let j = 0; j < shape.r1; j++) {
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
  return sum;
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
  let c = 0;
  for (; c + 16 <= count; c += 16) {
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let p = at(a, c);
    for (let r = 0; r < rows; r++) {
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

/** y = max of a over the loops r, NaN if one is, for elements [from, to) of y. */
export function maxOver(
  y: usize, // [k0, k1, k2] f32
  a: usize, // f32, as `shape` says
  shape: ReduceShape,
  from: i32,
  to: i32,
): void {
  const k1 = shape.k1;
  const k2 = shape.k2;
  let o = from;
  while (o < to) {
    const rest = o / k2;
    const i2 = o - rest * k2;
    const i0 = rest / k1;
    const i1 = rest - i0 * k1;
    const p = step(step(step(a, i0, shape.ak0), i1, shape.ak1), i2, shape.ak2);
    if (shape.columns) {
      const count = min(to - o, k2 - i2);
      columnMaxima(at(y, o), p, count, shape);
      o += count;
    } else {
      let best = f32x4.splat(-Infinity);
      for (let i = 0; i < shape.r0; i++) {
        for (let j = 0; j < shape.r1; j++) {
          const q = step(step(p, i, shape.ar0), j, shape.ar1);
          best = f32x4.max(best, maxOfRun(q, shape.r2));
        }
      }
      store<f32>(at(y, o), f32x4.extract_lane(best, 0));
      o++;
    }
  }
}

/** The maxima of `count` neighbouring outputs, whose numbers stand side by side in each row of a. */
function columnMaxima(y: usize, a: usize, count: i32, shape: ReduceShape): void {
  const by = (<usize>shape.ar2) << 2;
  for (let c = 0; c < count; c++) store<f32>(at(y, c), -Infinity);
  for (let i = 0; i < shape.r0; i++) {
    for (let j = 0; j < shape.r1; j++) {
      const first = step(step(a, i, shape.ar0), j, shape.ar1);
      for (let row = 0; row < shape.r2; row += ROWS) {
        const rows = min(ROWS, shape.r2 - row);
        const chunk = step(first, row, shape.ar2);
        let c = 0;
        for (; c + 8 <= count; c += 8) {
          let m0 = v128.load(at(y, c));
          let m1 = v128.load(at(y, c), 16);
          let nan0 = f32x4.splat(0); // all ones where there is a NaN, which is a NaN itself
          let nan1 = nan0;
          let p = at(chunk, c);
          for (let r = 0; r < rows; r++) {
            const u = v128.load(p);
            const v = v128.load(p, 16);
            m0 = f32x4.pmax(m0, u);
            m1 = f32x4.pmax(m1, v);
            nan0 = v128.or(nan0, f32x4.ne(u, u));
            nan1 = v128.or(nan1, f32x4.ne(v, v));
            p += by;
          }
          v128.store(at(y, c), v128.or(m0, nan0));
          v128.store(at(y, c), v128.or(m1, nan1), 16);
        }
        for (; c < count; c += 4) {
          let best = loadUpTo(at(y, c), count - c);
          let nan = f32x4.splat(0);
          let p = at(chunk, c);
          for (let r = 0; r < rows; r++) {
            const v = loadUpTo(p, count - c);
            best = f32x4.pmax(best, v);
            nan = v128.or(nan, f32x4.ne(v, v));
            p += by;
          }
          storeUpTo(at(y, c), v128.or(best, nan), count - c);
        }
      }
    }
  }
}

/** The maximum of n neighbouring numbers, NaN if one is, in lane 0. */
function maxOfRun(x: usize, n: i32): v128 {
  let m0 = f32x4.splat(-Infinity);
  let m1 = m0;
  let m2 = m0;
  let m3 = m0;
  let n0 = f32x4.splat(0);
  let n1 = n0;
  let i = 0;
  for (; i + 16 <= n; i += 16) {
    const a = v128.load(at(x, i));
    const b = v128.load(at(x, i), 16);
    const c = v128.load(at(x, i), 32);
    const d = v128.load(at(x, i), 48);
    m0 = f32x4.pmax(m0, a);
    m1 = f32x4.pmax(m1, b);
    m2 = f32x4.pmax(m2, c);
    m3 = f32x4.pmax(m3, d);
    n0 = v128.or(n0, v128.or(f32x4.ne(a, a), f32x4.ne(b, b)));
    n1 = v128.or(n1, v128.or(f32x4.ne(c, c), f32x4.ne(d, d)));
  }
  let best = v128.or(f32x4.pmax(f32x4.pmax(m0, m1), f32x4.pmax(m2, m3)), v128.or(n0, n1));
  for (; i < n; i++) best = f32x4.max(best, v128.load32_splat(at(x, i)));
  best = f32x4.max(best, i32x4.shuffle(best, best, 2, 3, 0, 1));
  return f32x4.max(best, i32x4.shuffle(best, best, 1, 0, 3, 2));
}
