/**
 * Group norm of planes [n, c, s]: the channels of a sample are cut into groups, each normalised by its own
 * m = c/groups·s numbers, which stand side by side. Instance norm is groups of one channel. With
 * mean = K + δ of a group and r = 1/√(var + eps),
 *
 *   y  = (x − K)·a + b             a = γ·r         b = β − δ·a
 *   dx = dy·a + (x − K)·p + q      p = −r³·P/m     q = −r·S/m − p·δ
 *   dγ = Σ r·G                     G = Σ dy·(x − mean) of a plane      P = Σ γ·G over the group
 *   dβ = Σ B                       B = Σ dy of a plane                 S = Σ γ·B over the group
 *
 * A group is read twice, the second time from the cache where it fits.
 */
import { normalizeRun } from '../batchnorm/planes';
import { at, loadPartial, madd, storePartial } from '../lanes';
import { addFour, differences, RUN, rowStatistics, sumPair } from './row';

/**
 * γ or β of a channel, or what stands for an absent one.
 * @inline
 */
function parameter(p: usize, j: i32, absent: f32): f32 {
  return p ? f32.load(at(p, j)) : absent;
}

/** y for groups [from, to) of n·groups; saves K, δ and r of each. y may be x. */
export function groupNormForward(
  y: usize, // [n, c, s] f32
  shift: usize, // [n, groups] f32, K
  delta: usize, // [n, groups] f32, δ
  invStd: usize, // [n, groups] f32, r
  variance: usize, // [n, groups] f32, over m; 0: not wanted
  x: usize, // [n, c, s] f32
  weight: usize, // [c] f32, γ; 0: all one
  bias: usize, // [c] f32, β; 0: all zero
  c: i32,
  s: i32,
  groups: i32,
  eps: f32,
  from: i32,
  to: i32,
): void {
  const channels = c / groups;
  const plane = (<usize>s) << 2;
  for (let i = from; i < to; i++) {
    let o = <usize>i * <usize>channels * plane;
    const d = at(delta, i);
    const v = variance ? at(variance, i) : 0;
    const q = y + o;
    // d = x − K, in x or in y
    const p = rowStatistics(at(shift, i), d, at(invStd, i), v, x + o, channels * s, eps, q);
    const r = f32.load(at(invStd, i));
    const first = (i % groups) * channels;
    o = 0;
    for (let j = first; j < first + channels; j++) {
      const a = parameter(weight, j, 1) * r;
      const b = f32x4.splat(parameter(bias, j, 0) - f32.load(d) * a);
      normalizeRun(false, true, q + o, b, f32x4.splat(a), b, p + o, plane);
      o += plane;
    }
  }
}

/**
 * For groups [from, to) of n·groups: dx, which overwrites and may be dy; and what each sample adds to dγ
 * and dβ, which sumChunks adds up.
 */
export function groupNormBackward(
  dx: usize, // [n, c, s] f32; 0: not wanted
  partial: usize, // [n, 2, c] f32: r·G and B
  shift: usize, // [n, groups] f32, K
  delta: usize, // [n, groups] f32, δ
  invStd: usize, // [n, groups] f32, r
  dy: usize, // [n, c, s] f32
  x: usize, // [n, c, s] f32
  weight: usize, // [c] f32, γ; 0: all one
  c: i32,
  s: i32,
  groups: i32,
  from: i32,
  to: i32,
  apart: usize, // [c/groups, s] f32, scratch
): void {
  const channels = c / groups;
  const plane = (<usize>s) << 2;
  const share: f64 = -1 / (<f64>channels * <f64>s);
  for (let i = from; i < to; i++) {
    const start = <usize>i * <usize>channels * plane;
    const sums = partial + <usize>(i / groups) * ((<usize>c) << 3);
    const first = (i % groups) * channels;
    const near = differences(apart, x + start, f32.load(at(shift, i)), channels * s);
    const d = <f64>f32.load(at(delta, i));
    const scale = f32.load(at(invStd, i));
    const r = <f64>scale;
    let sum: f64 = 0;
    let product: f64 = 0;
    let g = dy + start;
    let p = near;
    for (let j = first; j < first + channels; j++) {
      const totals = planeSums(g, p, s);
      const total = f64x2.extract_lane(totals, 0);
      const centred = f64x2.extract_lane(totals, 1) - d * total;
      f32.store(at(sums, j), <f32>(r * centred));
      f32.store(at(sums, c + j), <f32>total);
      const w = <f64>parameter(weight, j, 1);
      sum += w * total;
      product += w * centred;
      g += plane;
      p += plane;
    }
    if (!dx) continue;
    const slope = <f32>(share * r * r * r * product);
    // from the rounded p, so that Σ dx over the group stays as near to 0 as float32 lets it
    const intercept = f32x4.splat(<f32>(share * r * sum - <f64>slope * d));
    let o = start;
    p = near;
    for (let j = first; j < first + channels; j++) {
      const a = f32x4.splat(parameter(weight, j, 1) * scale);
      differentiatePlane(dx + o, dy + o, p, a, f32x4.splat(slope), intercept, s);
      o += plane;
      p += plane;
    }
  }
}

/**
 * Σ dy and Σ dy·d of a plane, as two float64. What is left over of a plane that is no multiple of four
 * comes out of its last four numbers, which costs less than a partial load.
 * @inline
 */
function planeSums(
  dy: usize, // [s] f32
  d: usize, // [s] f32
  s: i32,
): v128 {
  const rest = s & 3;
  const end = d + ((<usize>(s - rest)) << 2);
  let total = f64x2.splat(0);
  let u0 = f32x4.splat(0);
  let v0 = u0;
  if (rest) {
    const o = (<usize>s) << 2;
    if (s < 4) {
      u0 = loadPartial(dy, rest);
      v0 = f32x4.mul(u0, loadPartial(d, rest));
    } else {
      const kept = i32x4.gt_s(i32x4.splat(rest), i32x4(3, 2, 1, 0));
      u0 = v128.and(v128.load(dy + o - 16), kept);
      v0 = f32x4.mul(u0, v128.and(v128.load(d + o - 16), kept));
    }
  }
  while (true) {
    const stop = min(d + RUN, end);
    const whole = d + ((stop - d) & ~63);
    let u1 = f32x4.splat(0);
    let u2 = u1;
    let u3 = u1;
    let v1 = u1;
    let v2 = u1;
    let v3 = u1;
    while (d < whole) {
      const t0 = v128.load(dy);
      const t1 = v128.load(dy, 16);
      u0 = f32x4.add(u0, t0);
      v0 = madd(t0, v128.load(d), v0);
      u1 = f32x4.add(u1, t1);
      v1 = madd(t1, v128.load(d, 16), v1);
      const t2 = v128.load(dy, 32);
      const t3 = v128.load(dy, 48);
      u2 = f32x4.add(u2, t2);
      v2 = madd(t2, v128.load(d, 32), v2);
      u3 = f32x4.add(u3, t3);
      v3 = madd(t3, v128.load(d, 48), v3);
      d += 64;
      dy += 64;
    }
    while (d < stop) {
      const t0 = v128.load(dy);
      u0 = f32x4.add(u0, t0);
      v0 = madd(t0, v128.load(d), v0);
      d += 16;
      dy += 16;
    }
    total = f64x2.add(total, sumPair(addFour(u0, u1, u2, u3), addFour(v0, v1, v2, v3)));
    if (d == end) return total;
    u0 = f32x4.splat(0);
    v0 = u0;
  }
}

/**
 * dx of a plane. Its last four numbers are made first and stored last, so that none need a partial load
 * where the plane is no multiple of four, and dx may still be dy.
 * @inline
 */
function differentiatePlane(
  dx: usize, // [s] f32
  dy: usize, // [s] f32
  d: usize, // [s] f32
  a: v128,
  p: v128,
  q: v128,
  s: i32,
): void {
  if (s < 4) {
    const v = madd(loadPartial(dy, s), a, madd(loadPartial(d, s), p, q));
    storePartial(dx, v, s);
    return;
  }
  const last = dx + ((<usize>s) << 2) - 16;
  const over = ((<usize>s) << 2) - 16;
  const made = madd(v128.load(dy + over), a, madd(v128.load(d + over), p, q));
  while (dx + 16 < last) {
    const v0 = madd(v128.load(dy), a, madd(v128.load(d), p, q));
    const v1 = madd(v128.load(dy, 16), a, madd(v128.load(d, 16), p, q));
    v128.store(dx, v0);
    v128.store(dx, v1, 16);
    d += 32;
    dx += 32;
    dy += 32;
  }
  if (dx < last) v128.store(dx, madd(v128.load(dy), a, madd(v128.load(d), p, q)));
  v128.store(last, made);
}

/**
 * Averages over the samples of instance norm's statistics, for channels [from, to): what the running ones
 * follow. The mean as K + δ, the variance over m.
 */
export function instanceNormAverages(
  shift: usize, // [c] f32, K
  delta: usize, // [c] f32, δ
  variance: usize, // [c] f32
  shifts: usize, // [n, c] f32
  deltas: usize, // [n, c] f32
  variances: usize, // [n, c] f32
  n: i32,
  c: i32,
  from: i32,
  to: i32,
): void {
  const share: f64 = 1 / <f64>n;
  for (let j = from; j < to; j++) {
    let mean: f64 = 0;
    let spread: f64 = 0;
    for (let i = 0; i < n; i++) {
      const o = (<usize>i * <usize>c + <usize>j) << 2;
      mean += <f64>f32.load(shifts + o) + <f64>f32.load(deltas + o);
      spread += <f64>f32.load(variances + o);
    }
    mean *= share;
    const k = <f32>mean;
    f32.store(at(shift, j), k);
    f32.store(at(delta, j), <f32>(mean - <f64>k));
    f32.store(at(variance, j), <f32>(spread * share));
  }
}
