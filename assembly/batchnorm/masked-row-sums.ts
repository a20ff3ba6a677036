/**
 * Σ u and Σ u·d of rows [n, c], over the rows that a mask [n] counts. This loop is separate from
 * row-sums.ts: any row may be missing, so rows cannot be joined into long ones. It adds four rows at once,
 * the next four that count, wherever they are.
 */

import { at, madd } from '../lanes';
import { addToTotals } from '../reduce';
import { loadNumbers } from './equations';
import { clearTotals } from './plane-sums';
import { PERIOD, SPAN, totalsBytes } from './shape';

/** Groups of four rows that a float32 lane adds before its sum is added in float64: 256 terms. */
const MOST_FOURS = 64;

/**
 * totals[0, j] = Σ u and totals[1, j] = Σ u·d for channels [from, to), with u = dy for the gradient and
 * u = d for the statistics. @inline
 */
export function sumMaskedRows(
  gradient: bool,
  totals: usize, // [2, C] f64
  shift: usize, // [c] f32, K
  dy: usize, // [n, c] f32; not read for the statistics
  x: usize, // [n, c] f32
  mask: usize, // [n] f32
  n: i32,
  c: i32,
  from: i32,
  to: i32,
  sums: usize, // [2, SPAN], scratch
): void {
  const products = totalsBytes(c);
  clearTotals(totals + ((<usize>from) << 3), products, (to - from + 3) & ~3); // whole vectors
  for (let block = from; block < to; block += PERIOD) {
    const width = min(PERIOD, to - block);
    const o = at(0, block);
    const t = totals + ((<usize>block) << 3);
    sumBlock(gradient, t, t + products, shift + o, dy + o, x + o, mask, n, c, width, sums);
  }
}

/**
 * Adds the sums of `width` channels over the rows that count, four of these at a time.
 * @inline
 */
function sumBlock(
  gradient: bool,
  total: usize, // [width] f64
  totalProduct: usize, // [width] f64
  shift: usize, // [width] f32
  dy: usize, // [n, c] f32
  x: usize, // [n, c] f32
  mask: usize, // [n] f32
  n: i32,
  c: i32,
  width: i32,
  sums: usize, // [2, SPAN]: Σ u, Σ u·d
): void {
  const row = (<usize>c) << 2;
  let i = 0;
  while (i < n) {
    memory.fill(sums, 0, 2 * SPAN);
    for (let fours = 0; fours < MOST_FOURS && i < n; fours++) {
      let r0: usize = 0;
      let r1: usize = 0;
      let r2: usize = 0;
      let found = 0;
      for (; i < n; i++) {
        if (f32.load(at(mask, i)) == 0) continue;
        const r = <usize>i * row;
        if (found == 0) r0 = r;
        else if (found == 1) r1 = r;
        else if (found == 2) r2 = r;
        else {
          addRow(gradient, 4, shift, dy, x, r0, r1, r2, r, width, sums);
          found = 0;
          i++;
          break;
        }
        found++;
      }
      // fewer than four are left when the rows are at an end
      while (found > 0) {
        addRow(gradient, 1, shift, dy, x, r0, 0, 0, 0, width, sums);
        r0 = r1;
        r1 = r2;
        found--;
      }
    }
    for (let j = 0; j < width; j += 4) {
      addToTotals(total + ((<usize>j) << 3), v128.load(at(sums, j)));
      addToTotals(totalProduct + ((<usize>j) << 3), v128.load(at(sums + SPAN, j)));
    }
  }
}

/**
 * Adds four rows, or one, to the sums of `width` channels. Four are added to each other first. @inline
 */
function addRow(
  gradient: bool,
  rows: i32,
  shift: usize,
  dy: usize,
  x: usize,
  r0: usize,
  r1: usize,
  r2: usize,
  r3: usize,
  width: i32,
  sums: usize, // [2, SPAN]: Σ u, Σ u·d
): void {
  const end = at(x, width & ~3);
  while (x < end) {
    addLanes(gradient, rows, shift, dy, x, r0, r1, r2, r3, 4, sums);
    shift += 16;
    dy += 16;
    x += 16;
    sums += 16;
  }
  if (width & 3) addLanes(gradient, rows, shift, dy, x, r0, r1, r2, r3, width & 3, sums);
}

/** @inline */
function addLanes(
  gradient: bool,
  rows: i32,
  shift: usize,
  dy: usize,
  x: usize,
  r0: usize,
  r1: usize,
  r2: usize,
  r3: usize,
  count: i32,
  sums: usize,
): void {
  const k = loadNumbers(shift, count, false);
  const d0 = f32x4.sub(loadNumbers(x + r0, count, false), k);
  const t0 = gradient ? loadNumbers(dy + r0, count, false) : d0;
  let u = t0;
  let v = f32x4.mul(t0, d0);
  if (rows == 4) {
    const d1 = f32x4.sub(loadNumbers(x + r1, count, false), k);
    const t1 = gradient ? loadNumbers(dy + r1, count, false) : d1;
    const d2 = f32x4.sub(loadNumbers(x + r2, count, false), k);
    const t2 = gradient ? loadNumbers(dy + r2, count, false) : d2;
    const d3 = f32x4.sub(loadNumbers(x + r3, count, false), k);
    const t3 = gradient ? loadNumbers(dy + r3, count, false) : d3;
    u = f32x4.add(f32x4.add(u, t1), f32x4.add(t2, t3));
    v = f32x4.add(madd(t1, d1, v), madd(t3, d3, f32x4.mul(t2, d2)));
  }
  v128.store(sums, f32x4.add(v128.load(sums), u));
  v128.store(sums, f32x4.add(v128.load(sums, SPAN), v), SPAN);
}
