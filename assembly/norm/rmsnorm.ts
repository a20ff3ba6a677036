/**
 * RMS norm of rows of d numbers. With r = 1/√(Σx²/d + eps) of a row,
 *
 *   x̂  = x·r
 *   y  = x̂·γ
 *   dx = dy·γ·r + x·p      p = −r²·Σ(dy·γ·x̂)/d
 *   dγ = Σ dy·x̂            over the rows
 *
 * As in layernorm.ts, each pass reads a row twice, the second time from the first-level cache.
 */
import { at } from '../lanes';
import { CHUNK, chunksOf, sumChunks } from './chunks';
import { squaredNorm } from './row';
import { differentiateRow, normalizeRow, sumRow } from './rowloops';

/** y = x̂·γ for rows [from, to); saves r of each. y may be x. */
export function rmsNormForward(
  y: usize, // [n, d] f32
  invRms: usize, // [n] f32, r
  x: usize, // [n, d] f32
  weight: usize, // [d] f32, γ
  d: i32,
  eps: f32,
  from: i32,
  to: i32,
): void {
  const none = f32x4.splat(0);
  const width = (<usize>d) << 2;
  const share: f64 = 1 / <f64>d;
  for (let i = from; i < to; i++) {
    const o = <usize>i * width;
    const r: f32 = 1 / sqrt<f32>(<f32>(squaredNorm(x + o, d) * share) + eps);
    f32.store(at(invRms, i), r);
    normalizeRow(false, y + o, x + o, weight, 0, f32x4.splat(r), none, width);
  }
}

/** Bytes of `partial` in the backward pass of n rows. */
export function rmsNormScratch(n: i32, d: i32): f64 {
  return 4 * <f64>chunksOf(n) * <f64>d;
}

/**
 * For rows [from, to), from a multiple of 256: dx, which overwrites and may be dy; and what each chunk of
 * 256 rows adds to dγ, for rmsNormAffineBackward.
 */
export function rmsNormBackward(
  dx: usize, // [n, d] f32; 0: not needed
  partial: usize, // rmsNormScratch(n, d): [⌈n/256⌉, d] f32, Σ dy·x̂
  invRms: usize, // [n] f32, r
  dy: usize, // [n, d] f32
  x: usize, // [n, d] f32
  weight: usize, // [d] f32, γ
  d: i32,
  from: i32,
  to: i32,
): void {
  const none = f32x4.splat(0);
  const width = (<usize>d) << 2;
  const share: f64 = -1 / <f64>d;
  for (let i = from; i < to; i++) {
    const sums = partial + <usize>(i / CHUNK) * width;
    if (i % CHUNK == 0) memory.fill(sums, 0, width);
    const o = <usize>i * width;
    const scale = f32.load(at(invRms, i));
    const r = f32x4.splat(scale);
    const totals = sumRow(false, sums, sums, dy + o, x + o, weight, r, none, width);
    if (!dx) continue;
    const product = f64x2.extract_lane(totals, 1);
    const p = f32x4.splat(<f32>(share * <f64>scale * <f64>scale * product));
    differentiateRow(false, dx + o, dy + o, x + o, weight, r, p, none, width);
  }
}

/** dγ += Σ dy·x̂ for columns [from, to), from the sums of the chunks of n rows. */
export function rmsNormAffineBackward(
  dWeight: usize, // [d] f32, added to
  partial: usize, // as rmsNormBackward leaves it
  n: i32,
  d: i32,
  from: i32,
  to: i32,
): void {
  sumChunks(dWeight, partial, chunksOf(n), d, from, to);
}
