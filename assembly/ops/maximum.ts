/** Maxima over some axes of a tensor, in the loops of sums (reduce.ts). */
import { at, loadUpTo, storeUpTo } from '../lanes';
import { step } from './broadcast';
import { ReduceShape } from './reduce';

/** Rows of a chunk: as many as the first-level cache holds the lines of, and those beside them. */
const ROWS: i32 = 128;

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
    const count = min(to - o, k2 - i2);
    if (shape.columns) columnMaxima(at(y, o), p, count, shape);
    else rowMaxima(at(y, o), p, count, shape);
    o += count;
  }
}

/*
 * A maximum is NaN if one of its numbers is. `pmax` ignores NaN, so that these loops look for it beside: a number's
 * bits, shifted out of their sign, are above those of ∞ if it is NaN, and the largest of them is kept. These are
 * integer operations, which have units of their own, whereas comparisons take those of the maxima.
 */

/**
 * The larger of `most` and the bits of v without sign.
 * @inline
 */
function mostBits(most: v128, v: v128): v128 {
  return i32x4.max_u(most, i32x4.add(v, v));
}

/**
 * All ones, which is a NaN, where a NaN has been seen.
 * @inline
 */
function nanOf(most: v128): v128 {
  return i32x4.gt_u(most, i32x4.splat(0xff000000));
}

/** The maxima of `count` neighbouring outputs, whose numbers stand side by side in each row of a. */
function columnMaxima(y: usize, a: usize, count: i32, shape: ReduceShape): void {
  for (let c = 0; c < count; c++) store<f32>(at(y, c), -Infinity);
  for (let i = 0; i < shape.r0; i++) {
    for (let j = 0; j < shape.r1; j++) {
      const first = step(step(a, i, shape.ar0), j, shape.ar1);
      for (let row = 0; row < shape.r2; row += ROWS) {
        const rows = min(ROWS, shape.r2 - row);
        chunkMaxima(y, step(first, row, shape.ar2), count, rows, shape.ar2);
      }
    }
  }
}

/** y[c] ← max(y[c], a[r, c]) over a chunk of rows. */
function chunkMaxima(y: usize, a: usize, count: i32, rows: i32, stride: i32): void {
  const by = (<usize>stride) << 2;
  const down = <usize>rows * by;
  let c = 0;
  for (; c + 16 <= count; c += 16) {
    const q = at(y, c);
    let m0 = v128.load(q);
    let m1 = v128.load(q, 16);
    let m2 = v128.load(q, 32);
    let m3 = v128.load(q, 48);
    let b0 = i32x4.splat(0);
    let b1 = b0;
    let b2 = b0;
    let b3 = b0;
    let p = at(a, c);
    const end = p + down;
    while (p < end) {
      const u0 = v128.load(p);
      const u1 = v128.load(p, 16);
      const u2 = v128.load(p, 32);
      const u3 = v128.load(p, 48);
      m0 = f32x4.pmax(m0, u0);
      m1 = f32x4.pmax(m1, u1);
      m2 = f32x4.pmax(m2, u2);
      m3 = f32x4.pmax(m3, u3);
      b0 = mostBits(b0, u0);
      b1 = mostBits(b1, u1);
      b2 = mostBits(b2, u2);
      b3 = mostBits(b3, u3);
      p += by;
    }
    v128.store(q, v128.or(m0, nanOf(b0)));
    v128.store(q, v128.or(m1, nanOf(b1)), 16);
    v128.store(q, v128.or(m2, nanOf(b2)), 32);
    v128.store(q, v128.or(m3, nanOf(b3)), 48);
  }
  for (; c < count; c += 4) {
    let best = loadUpTo(at(y, c), count - c);
    let bits = i32x4.splat(0);
    let p = at(a, c);
    for (let r = 0; r < rows; r++) {
      const v = loadUpTo(p, count - c);
      best = f32x4.pmax(best, v);
      bits = mostBits(bits, v);
      p += by;
    }
    storeUpTo(at(y, c), v128.or(best, nanOf(bits)), count - c);
  }
}

/** The maxima of `count` neighbouring outputs, each of runs of neighbouring numbers. */
function rowMaxima(y: usize, a: usize, count: i32, shape: ReduceShape): void {
  const n = shape.r2;
  const end = at(y, count);
  while (y < end) {
    let best = f32x4.splat(-Infinity);
    for (let i = 0; i < shape.r0; i++) {
      for (let j = 0; j < shape.r1; j++) {
        best = f32x4.max(best, maxOfRun(step(step(a, i, shape.ar0), j, shape.ar1), n));
      }
    }
    store<f32>(y, f32x4.extract_lane(best, 0));
    y += 4;
    a = step(a, 1, shape.ak2);
  }
}

/**
 * The maximum of n neighbouring numbers, NaN if one is, in lane 0.
 * @inline
 */
function maxOfRun(x: usize, n: i32): v128 {
  const end = at(x, n & ~15);
  let m0 = f32x4.splat(-Infinity);
  let m1 = m0;
  let m2 = m0;
  let m3 = m0;
  let b0 = i32x4.splat(0);
  let b1 = b0;
  let b2 = b0;
  let b3 = b0;
  let p = x;
  while (p < end) {
    const u0 = v128.load(p);
    const u1 = v128.load(p, 16);
    const u2 = v128.load(p, 32);
    const u3 = v128.load(p, 48);
    m0 = f32x4.pmax(m0, u0);
    m1 = f32x4.pmax(m1, u1);
    m2 = f32x4.pmax(m2, u2);
    m3 = f32x4.pmax(m3, u3);
    b0 = mostBits(b0, u0);
    b1 = mostBits(b1, u1);
    b2 = mostBits(b2, u2);
    b3 = mostBits(b3, u3);
    p += 64;
  }
  const bits = i32x4.max_u(i32x4.max_u(b0, b1), i32x4.max_u(b2, b3));
  let best = v128.or(f32x4.pmax(f32x4.pmax(m0, m1), f32x4.pmax(m2, m3)), nanOf(bits));
  for (const last = at(x, n); p < last; p += 4) best = f32x4.max(best, v128.load32_splat(p));
  best = f32x4.max(best, i32x4.shuffle(best, best, 2, 3, 0, 1));
  return f32x4.max(best, i32x4.shuffle(best, best, 1, 0, 3, 2));
}
