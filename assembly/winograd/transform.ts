import { madd } from '../lanes';
import { transposeFour, zipHigh } from '../shuffle';

/**
 * Winograd's convolution F(4×4, 3×3) (Winograd, "Arithmetic Complexity of Computations", 1980; Lavin and Gray,
 * "Fast Algorithms for Convolutional Neural Networks", 2016). A tile of 4 × 4 outputs y depends on a patch of
 * 6 × 6 inputs x and on the 3 × 3 taps w:
 *
 *   y = Aᵀ·[(G·w·Gᵀ) ⊙ (Bᵀ·x·B)]·A
 *
 * with 36 multiplications (⊙) where the direct sum takes 144. Read for a polynomial, Bᵀ and G evaluate at
 * points, and Aᵀ interpolates. The usual points 0, ±1, ±2, ∞ lose three bits; with 0, ±3/4, ±3/2, ∞ the
 * largest error stays near that of the direct sum, and all constants of A and B are still exact:
 *
 *        1    0      0     0     0   0                       81/64     0    −45/16    0    1  0
 *        1   3/4    9/16  27/64            64/81 · row 0        0   −27/16  −9/4    3/4    1  0
 *   A =  1  −3/4    9/16 −27/64      G = −128/243 · rows 1,2  Bᵀ= 0    27/16  −9/4   −3/4    1  0
 *        1   3/2    9/4   27/8             32/243 · rows 3,4    0   −27/32  −9/16   3/2    1  0
 *        1  −3/2    9/4  −27/8             1 · row 5            0    27/32  −9/16  −3/2    1  0
 *        0    0      0     1               of A's first three   0    81/64    0   −45/16   0  1
 *
 * (G's row 5 is 0 0 1.) The rows of ±p share their even and odd parts. Each function here transforms six (or
 * four, or three) vectors that lie `from` bytes apart in memory, and stores its results `to` bytes apart: one
 * lane is one tile, channel or filter. A two-dimensional transform is one along the columns and one along the
 * rows.
 */

/** Edge of the patch that a tile reads, and of its transform. */
export const PATCH: i32 = 6;

/** Edge of a tile. */
export const TILE: i32 = 4;

/** Numbers of a transformed tile, which are multiplied independently of each other. */
export const COMPONENTS: i32 = PATCH * PATCH;

/** @inline */
function splat(value: f32): v128 {
  return f32x4.splat(value);
}

/** Bᵀ·x: six values to six. */
export function transformInput(p: usize, from: usize, q: usize, to: usize): void {
  const x0 = v128.load(p);
  const x1 = v128.load(p + from);
  const x2 = v128.load(p + 2 * from);
  const x3 = v128.load(p + 3 * from);
  const x4 = v128.load(p + 4 * from);
  const x5 = v128.load(p + 5 * from);
  const scale = splat(1.265625); // 81/64
  const sum = splat(-2.8125); // −45/16
  v128.store(q, madd(scale, x0, madd(sum, x2, x4)));
  v128.store(q + 5 * to, madd(scale, x1, madd(sum, x3, x5)));
  const near = splat(-0.5625); // −9/16
  const far = splat(-2.25); // −9/4
  const even1 = madd(far, x2, x4);
  const odd1 = f32x4.mul(splat(0.75), madd(far, x1, x3));
  v128.store(q + to, f32x4.add(even1, odd1));
  v128.store(q + 2 * to, f32x4.sub(even1, odd1));
  const even2 = madd(near, x2, x4);
  const odd2 = f32x4.mul(splat(1.5), madd(near, x1, x3));
  v128.store(q + 3 * to, f32x4.add(even2, odd2));
  v128.store(q + 4 * to, f32x4.sub(even2, odd2));
}

/** Aᵀ·m: six values to four. */
export function transformOutput(p: usize, from: usize, q: usize, to: usize): void {
  const m1 = v128.load(p + from);
  const m2 = v128.load(p + 2 * from);
  const m3 = v128.load(p + 3 * from);
  const m4 = v128.load(p + 4 * from);
  const even1 = f32x4.add(m1, m2);
  const odd1 = f32x4.sub(m1, m2);
  const even2 = f32x4.add(m3, m4);
  const odd2 = f32x4.sub(m3, m4);
  v128.store(q, f32x4.add(v128.load(p), f32x4.add(even1, even2)));
  v128.store(q + to, madd(splat(0.75), odd1, f32x4.mul(splat(1.5), odd2)));
  v128.store(q + 2 * to, madd(splat(0.5625), even1, f32x4.mul(splat(2.25), even2)));
  const sum = madd(splat(0.421875), odd1, f32x4.mul(splat(3.375), odd2));
  v128.store(q + 3 * to, f32x4.add(sum, v128.load(p + 5 * from)));
}

/** A·dy, the transpose of `transformOutput`: four values to six. */
export function transformGradient(p: usize, from: usize, q: usize, to: usize): void {
  const y0 = v128.load(p);
  const y1 = v128.load(p + from);
  const y2 = v128.load(p + 2 * from);
  const y3 = v128.load(p + 3 * from);
  v128.store(q, y0);
  v128.store(q + 5 * to, y3);
  const near = splat(0.5625);
  const far = splat(2.25);
  const even1 = madd(near, y2, y0);
  const odd1 = f32x4.mul(splat(0.75), madd(near, y3, y1));
  v128.store(q + to, f32x4.add(even1, odd1));
  v128.store(q + 2 * to, f32x4.sub(even1, odd1));
  const even2 = madd(far, y2, y0);
  const odd2 = f32x4.mul(splat(1.5), madd(far, y3, y1));
  v128.store(q + 3 * to, f32x4.add(even2, odd2));
  v128.store(q + 4 * to, f32x4.sub(even2, odd2));
}

/** G·w: three values to six. */
export function transformWeight(p: usize, from: usize, q: usize, to: usize): void {
  const w0 = v128.load(p);
  const w1 = v128.load(p + from);
  const w2 = v128.load(p + 2 * from);
  v128.store(q, f32x4.mul(splat(64.0 / 81.0), w0));
  v128.store(q + 5 * to, w2);
  const even1 = f32x4.mul(splat(-128.0 / 243.0), madd(splat(0.5625), w2, w0));
  const odd1 = f32x4.mul(splat(-32.0 / 81.0), w1);
  v128.store(q + to, f32x4.add(even1, odd1));
  v128.store(q + 2 * to, f32x4.sub(even1, odd1));
  const even2 = f32x4.mul(splat(32.0 / 243.0), madd(splat(2.25), w2, w0));
  const odd2 = f32x4.mul(splat(16.0 / 81.0), w1);
  v128.store(q + 3 * to, f32x4.add(even2, odd2));
  v128.store(q + 4 * to, f32x4.sub(even2, odd2));
}

/** Gᵀ·u, the transpose of `transformWeight`: six values to three. */
export function transformWeightGradient(p: usize, from: usize, q: usize, to: usize): void {
  const u1 = v128.load(p + from);
  const u2 = v128.load(p + 2 * from);
  const u3 = v128.load(p + 3 * from);
  const u4 = v128.load(p + 4 * from);
  const even1 = f32x4.mul(splat(-128.0 / 243.0), f32x4.add(u1, u2));
  const even2 = f32x4.mul(splat(32.0 / 243.0), f32x4.add(u3, u4));
  const odd1 = f32x4.mul(splat(-32.0 / 81.0), f32x4.sub(u1, u2));
  const odd2 = f32x4.mul(splat(16.0 / 81.0), f32x4.sub(u3, u4));
  v128.store(q, madd(splat(64.0 / 81.0), v128.load(p), f32x4.add(even1, even2)));
  v128.store(q + to, f32x4.add(odd1, odd2));
  const sum = madd(splat(0.5625), even1, f32x4.mul(splat(2.25), even2));
  v128.store(q + 2 * to, f32x4.add(sum, v128.load(p + 5 * from)));
}

/** Bytes between the vectors of a line of a two-dimensional transform on its way. */
const STEP: usize = 16;
/** Bytes of such a line. */
const LINE: usize = 6 * STEP;

/** Bytes of scratch of the two-dimensional transforms. */
export const TRANSFORM_BYTES: usize = 6 * LINE;

/**
 * Bᵀ·x·B of four patches: lane t is the patch at p_t, whose rows are `pitch` bytes apart. Component (i, j) is
 * stored at dst + (6·i + j)·`component`.
 */
export function transformPatches(
  p0: usize,
  p1: usize,
  p2: usize,
  p3: usize,
  pitch: usize,
  scratch: usize, // TRANSFORM_BYTES
  dst: usize,
  component: usize,
): void {
  const end = scratch + TRANSFORM_BYTES;
  for (let q = scratch; q < end; q += LINE) {
    transposeFour(q, STEP, p0, p1, p2, p3);
    const end01 = zipHigh(v128.load(p0, 8), v128.load(p1, 8));
    const end23 = zipHigh(v128.load(p2, 8), v128.load(p3, 8));
    v128.store(q, v128.shuffle<f32>(end01, end23, 0, 1, 4, 5), 64);
    v128.store(q, v128.shuffle<f32>(end01, end23, 2, 3, 6, 7), 80);
    p0 += pitch;
    p1 += pitch;
    p2 += pitch;
    p3 += pitch;
  }
  // Along the rows in place, then along the columns.
  for (let q = scratch; q < end; q += LINE) transformInput(q, STEP, q, STEP);
  for (let j: usize = 0; j < 6; j++) {
    transformInput(scratch + j * STEP, LINE, dst + j * component, 6 * component);
  }
}
