/**
 * Group norm of planes [n, c, s]: the channels of a sample are cut into groups of neighbours, and each group
 * is normalized by the statistics of its own m = c/groups·s numbers, which are contiguous. Instance norm is
 * the case of one channel a group. With mean = K + δ of a group and r = 1/√(var + eps),
 *
 *   y  = (x − K)·a + b             a = γ·r         b = β − δ·a
 *   dx = dy·a + (x − K)·p + q      p = −r³·P/m     q = −r·S/m − p·δ
 *   dγ = Σ r·G                     G = Σ dy·(x − mean) of a plane      P = Σ γ·G over the group
 *   dβ = Σ B                       B = Σ dy of a plane                 S = Σ γ·B over the group
 *
 * Each pass reads a group twice, the second time from the cache if the group fits.
 */
import { normalizeRun } from '../batchnorm/planes';
import { at, loadPartial, loadVector, madd, storePartial } from '../lanes';
import { ProductTerms, sumProductRuns } from '../reduce';
import { sumPairsOfChunks } from './chunks';
import { RowStatistics, rowStatistics, statisticsOf } from './row';

/** The sizes of group norm: x is [samples, channels, plane]. */
@unmanaged
export class GroupNormShape {
  samples: i32;
  channels: i32;
  /** Positions of a channel. */
  plane: i32;
  /** A divisor of the channels. */
  groups: i32;
  eps: f32;
}

/**
 * γ or β of a channel, or `absent` if the layer has none.
 * @inline
 */
function parameter(p: usize, j: i32, absent: f32): f32 {
  return p ? f32.load(at(p, j)) : absent;
}

/** y for groups [from, to) of n·groups; saves each group's statistics. y may be x. */
export function groupNormForward(
  y: usize, // [n, c, s] f32
  statistics: usize, // [n, groups, 4] f32: K, δ, r and var
  x: usize, // [n, c, s] f32
  weight: usize, // [c] f32, γ; 0: all one
  bias: usize, // [c] f32, β; 0: all zero
  shape: GroupNormShape,
  from: i32,
  to: i32,
): void {
  const groups = shape.groups;
  const channels = shape.channels / groups;
  const eps = shape.eps;
  const plane = (<usize>shape.plane) << 2;
  for (let i = from; i < to; i++) {
    const start = <usize>i * <usize>channels * plane;
    const saved = statisticsOf(statistics, i);
    let q = y + start;
    let d = rowStatistics(saved, x + start, channels * shape.plane, eps, q);
    const first = (i % groups) * channels;
    for (let j = first; j < first + channels; j++) {
      const a = parameter(weight, j, 1) * saved.invStd;
      const b = f32x4.splat(parameter(bias, j, 0) - saved.delta * a);
      normalizeRun(false, true, q, b, f32x4.splat(a), b, d, plane);
      d += plane;
      q += plane;
    }
  }
}

/** Bytes of `partial` in the backward pass. */
export function groupNormScratch(shape: GroupNormShape): f64 {
  return 8 * <f64>shape.samples * <f64>shape.channels;
}

/**
 * For groups [from, to) of n·groups: dx, which overwrites and may be dy; and what each sample adds to dγ
 * and dβ, for groupNormAffineBackward.
 */
export function groupNormBackward(
  dx: usize, // [n, c, s] f32; 0: not needed
  partial: usize, // groupNormScratch(shape): [n, 2, c] f32, r·G and B
  statistics: usize, // [n, groups, 4] f32: K, δ, r and var
  dy: usize, // [n, c, s] f32
  x: usize, // [n, c, s] f32
  weight: usize, // [c] f32, γ; 0: all one
  shape: GroupNormShape,
  from: i32,
  to: i32,
): void {
  const groups = shape.groups;
  const channels = shape.channels / groups;
  const c = <usize>shape.channels;
  const group = <usize>channels * ((<usize>shape.plane) << 2);
  for (let i = from; i < to; i++) {
    const o = <usize>i * group;
    const first = (i % groups) * channels;
    const sums = at(partial + <usize>(i / groups) * (c << 3), first);
    const sumsOfDy = sums + (c << 2);
    const saved = statisticsOf(statistics, i);
    const q = dx ? dx + o : 0;
    const w = weight ? at(weight, first) : 0;
    groupBackward(q, sums, sumsOfDy, saved, dy + o, x + o, w, channels, shape.plane);
  }
}

/**
 * groupNormBackward of one group of c channels. If K is 0, as in most groups, separate loops leave out the
 * subtraction, which saves up to an eighth of the time.
 * @inline
 */
function groupBackward(
  dx: usize, // [c, s] f32; 0: not needed
  sums: usize, // [c] f32, r·G
  sumsOfDy: usize, // [c] f32, B
  saved: RowStatistics,
  dy: usize, // [c, s] f32
  x: usize, // [c, s] f32
  weight: usize, // [c] f32, γ; 0: all one
  c: i32,
  s: i32,
): void {
  const plane = (<usize>s) << 2;
  const share: f64 = -1 / (<f64>c * <f64>s);
  const k = saved.splatShift();
  const shifted = saved.shift != 0;
  const delta = <f64>saved.delta;
  const r = <f64>saved.invStd;
  let sum: f64 = 0;
  let product: f64 = 0;
  let o: usize = 0;
  for (let j = 0; j < c; j++) {
    const totals = shifted
      ? planeSums(true, dy + o, x + o, k, s)
      : planeSums(false, dy + o, x + o, k, s);
    const total = f64x2.extract_lane(totals, 0);
    const centred = f64x2.extract_lane(totals, 1) - delta * total;
    f32.store(at(sums, j), <f32>(r * centred));
    f32.store(at(sumsOfDy, j), <f32>total);
    const w = <f64>parameter(weight, j, 1);
    sum += w * total;
    product += w * centred;
    o += plane;
  }
  if (!dx) return;
  const p = <f32>(share * r * r * r * product);
  // From the rounded p, so that Σ dx over the group is as near to 0 as float32 allows.
  const q = f32x4.splat(<f32>(share * r * sum - <f64>p * delta));
  o = 0;
  for (let j = 0; j < c; j++) {
    const a = f32x4.splat(parameter(weight, j, 1) * saved.invStd);
    if (shifted) differentiatePlane(true, dx + o, dy + o, x + o, k, a, f32x4.splat(p), q, s);
    else differentiatePlane(false, dx + o, dy + o, x + o, k, a, f32x4.splat(p), q, s);
    o += plane;
  }
}

/** dγ += Σ r·G and dβ += Σ B over the samples, for channels [from, to). */
export function groupNormAffineBackward(
  dWeight: usize, // [c] f32, added to; 0: not needed
  dBias: usize, // [c] f32, added to; 0: not needed
  partial: usize, // as groupNormBackward leaves it
  shape: GroupNormShape,
  from: i32,
  to: i32,
): void {
  sumPairsOfChunks(dWeight, dBias, partial, shape.samples, 2, shape.channels, from, to);
}

/** Σ dy and Σ dy·d. */
@unmanaged
abstract class PlaneTerms extends ProductTerms {
  u(dy: usize, vector: i32, count: i32, _d: v128, a: v128, b: v128): v128 {
    return loadVector(dy, vector, count);
  }
}

/** d = x. */
@unmanaged
class PlainTerms extends PlaneTerms {
  d(x: usize, vector: i32, count: i32, k: v128): v128 {
    return loadVector(x, vector, count);
  }
}

/** d = x − K. */
@unmanaged
class ShiftedTerms extends PlaneTerms {
  d(x: usize, vector: i32, count: i32, k: v128): v128 {
    return f32x4.sub(loadVector(x, vector, count), k);
  }
}

/**
 * x − K.
 * @inline
 */
function difference(shifted: bool, x: v128, k: v128): v128 {
  return shifted ? f32x4.sub(x, k) : x;
}

/**
 * Σ dy and Σ dy·(x − K) of a plane, as two float64. If s is no multiple of four, the rest comes first: it is
 * taken from the last four numbers with the others masked to 0, which costs less than a partial load.
 * @inline
 */
function planeSums(
  shifted: bool,
  dy: usize, // [s] f32
  x: usize, // [s] f32
  k: v128,
  s: i32,
): v128 {
  const rest = s & 3;
  const whole = s - rest;
  const zero = f32x4.splat(0);
  let u = zero;
  let v = zero;
  if (rest) {
    if (s < 4) {
      u = loadPartial(dy, rest);
      v = f32x4.mul(u, difference(shifted, loadPartial(x, rest), k));
    } else {
      const last = ((<usize>s) << 2) - 16;
      const kept = i32x4.gt_s(i32x4.splat(rest), i32x4(3, 2, 1, 0));
      u = v128.and(v128.load(dy + last), kept);
      v = f32x4.mul(u, v128.and(difference(shifted, v128.load(x + last), k), kept));
    }
  }
  return shifted
    ? sumProductRuns<ShiftedTerms>(x, dy, whole, k, zero, zero, u, v, 0)
    : sumProductRuns<PlainTerms>(x, dy, whole, k, zero, zero, u, v, 0);
}

/**
 * dy·a + (x − K)·p + q.
 * @inline
 */
function gradient(shifted: bool, dy: v128, x: v128, k: v128, a: v128, p: v128, q: v128): v128 {
  return madd(dy, a, madd(difference(shifted, x, k), p, q));
}

/**
 * dx of a plane. The last four numbers are computed first and stored last: so a plane that is no multiple
 * of four needs no partial load, and dx may still be dy.
 * @inline
 */
function differentiatePlane(
  shifted: bool,
  dx: usize, // [s] f32
  dy: usize, // [s] f32
  x: usize, // [s] f32
  k: v128,
  a: v128,
  p: v128,
  q: v128,
  s: i32,
): void {
  if (s < 4) {
    storePartial(dx, gradient(shifted, loadPartial(dy, s), loadPartial(x, s), k, a, p, q), s);
    return;
  }
  const over = ((<usize>s) << 2) - 16;
  const last = dx + over;
  const rest = gradient(shifted, v128.load(dy + over), v128.load(x + over), k, a, p, q);
  while (dx + 16 < last) {
    const v0 = gradient(shifted, v128.load(dy), v128.load(x), k, a, p, q);
    const v1 = gradient(shifted, v128.load(dy, 16), v128.load(x, 16), k, a, p, q);
    v128.store(dx, v0);
    v128.store(dx, v1, 16);
    x += 32;
    dx += 32;
    dy += 32;
  }
  if (dx < last) {
    v128.store(dx, gradient(shifted, v128.load(dy), v128.load(x), k, a, p, q));
  }
  v128.store(last, rest);
}

/**
 * Averages over the samples of instance norm's statistics, for channels [from, to), which the running
 * statistics follow. The mean is K + δ; the variance is over s, not s − 1.
 */
export function instanceNormAverages(
  averages: usize, // [3, c] f32: K, δ and var
  statistics: usize, // [n, c, 4] f32: K, δ, r and var
  n: i32,
  c: i32,
  from: i32,
  to: i32,
): void {
  const share: f64 = 1 / <f64>n;
  for (let j = from; j < to; j++) {
    let mean: f64 = 0;
    let variance: f64 = 0;
    for (let i = 0; i < n; i++) {
      const saved = statisticsOf(statistics, i * c + j);
      mean += <f64>saved.shift + <f64>saved.delta;
      variance += <f64>saved.variance;
    }
    mean *= share;
    const k = <f32>mean;
    f32.store(at(averages, j), k);
    f32.store(at(averages, c + j), <f32>(mean - <f64>k));
    f32.store(at(averages, 2 * c + j), <f32>(variance * share));
  }
}
