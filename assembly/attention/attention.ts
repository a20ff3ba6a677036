/**
 * Scaled dot-product attention (Vaswani and others, 2017), one head and one block of queries at a time, so that
 * there are never more scores than a block's (Dao and others, 2022, arXiv:2205.14135). The scores s = q·kᵀ come from
 * a matrix product; here they become probabilities, and their gradient:
 *
 *   p_ij = exp(scale·s_ij − l_i),   l_i = ln Σ_j exp(scale·s_ij)
 *
 * over the keys j that query i may see. Forward keeps l alone; backward computes s again, and p from it.
 */
import { logOf, rowMax, rowScale } from '../activation/softmax';
import { at, keepUpTo, loadPartial, loadUpTo, storePartial, storeUpTo, sumLanes } from '../lanes';
import { expNonPositive } from '../math';

/** Which keys are padding, for one sequence: 1 where a key is to be ignored. */
export type PaddingMask = usize;

/** s ← −∞ where a key is padding. */
function maskRow(s: usize, padding: PaddingMask, seen: i32): void {
  for (let j = 0; j < seen; j++) {
    if (load<i32>(at(padding, j))) store<f32>(at(s, j), -Infinity);
  }
}

/**
 * x ← exp(scale·x − shift) over the first `seen` of a row, and what −∞ would give over the rest; returns the sum. The
 * differences are never positive.
 */
function exponents(x: usize, scale: f32, shift: f32, seen: i32, keys: i32): f32 {
  const factor = f32x4.splat(scale);
  const most = f32x4.splat(shift);
  let sum = f32x4.splat(0);
  let j = 0;
  // Four vectors side by side share the constants of the exponential, and hide its latency.
  for (; j + 16 <= seen; j += 16) {
    const p = at(x, j);
    const e0 = expNonPositive(f32x4.sub(f32x4.mul(v128.load(p), factor), most));
    const e1 = expNonPositive(f32x4.sub(f32x4.mul(v128.load(p, 16), factor), most));
    const e2 = expNonPositive(f32x4.sub(f32x4.mul(v128.load(p, 32), factor), most));
    const e3 = expNonPositive(f32x4.sub(f32x4.mul(v128.load(p, 48), factor), most));
    v128.store(p, e0);
    v128.store(p, e1, 16);
    v128.store(p, e2, 32);
    v128.store(p, e3, 48);
    sum = f32x4.add(f32x4.add(f32x4.add(f32x4.add(sum, e0), e1), e2), e3);
  }
  for (; j < seen; j += 4) {
    const count = seen - j;
    const p = at(x, j);
    const e = expNonPositive(f32x4.sub(f32x4.mul(loadUpTo(p, count), factor), most));
    storeUpTo(p, e, count);
    sum = f32x4.add(sum, keepUpTo(e, count));
  }
  if (seen < keys) {
    // exp(−∞ − shift): NaN if the difference is, else 0.
    const difference = f32x4.sub(f32x4.splat(-Infinity), most);
    const rest = v128.and(difference, f32x4.ne(difference, difference));
    for (j = seen; j < keys; j += 4) {
      const count = keys - j;
      storeUpTo(at(x, j), rest, count);
      sum = f32x4.add(sum, keepUpTo(rest, count));
    }
  }
  return sumLanes(sum);
}

/** s ← p and l, for `rows` queries from number `first` on. A query that sees no key gets NaN, as in PyTorch. */
export function attentionSoftmax(
  s: usize, // [rows, keys] f32, updated
  l: usize, // [rows] f32
  padding: PaddingMask, // [keys] i32, or 0
  keys: i32,
  first: i32,
  causal: i32,
  scale: f32,
  rows: i32,
): void {
  for (let i = 0; i < rows; i++) {
    const row = at(s, i * keys);
    const seen = causal ? min(keys, first + i + 1) : keys;
    if (padding) maskRow(row, padding, seen);
    // The scale is positive, and rounding keeps the order, so that scaling and the maximum may be exchanged.
    const m = scale * rowMax(row, seen);
    const sum = exponents(row, scale, m, seen, keys);
    rowScale(row, 1 / sum, keys);
    store<f32>(at(l, i), m + logOf(sum));
  }
}

/** s ← p again, from l. */
export function attentionProbabilities(
  s: usize, // [rows, keys] f32, updated
  l: usize, // [rows] f32
  padding: PaddingMask, // [keys] i32, or 0
  keys: i32,
  first: i32,
  causal: i32,
  scale: f32,
  rows: i32,
): void {
  for (let i = 0; i < rows; i++) {
    const row = at(s, i * keys);
    const seen = causal ? min(keys, first + i + 1) : keys;
    if (padding) maskRow(row, padding, seen);
    exponents(row, scale, load<f32>(at(l, i)), seen, keys);
  }
}

/**
 * ds_ij = scale·p_ij·(dp_ij − δ_i), δ_i = Σ_j do_ij·o_ij = Σ_j p_ij·dp_ij. It takes the place of dp.
 */
export function attentionScoresBackward(
  dp: usize, // [rows, keys] f32, updated
  p: usize, // [rows, keys] f32
  keys: i32,
  scale: f32,
  rows: i32,
): void {
  const factor = f32x4.splat(scale);
  const stride = (<usize>keys) << 2;
  for (let i = 0; i < rows; i += 2) {
    // Two rows side by side hide the latency of the sums; the last row is its own neighbour if it has none.
    const beside = i + 1 < rows ? stride : 0;
    const a = dp + <usize>i * stride;
    const b = p + <usize>i * stride;
    const tail = keys & 3;
    const end = at(a, keys - tail);
    let sum = f32x4.splat(0);
    let other = sum;
    let u = a;
    let v = b;
    while (u < end) {
      sum = f32x4.add(sum, f32x4.mul(v128.load(u), v128.load(v)));
      other = f32x4.add(other, f32x4.mul(v128.load(u + beside), v128.load(v + beside)));
      u += 16;
      v += 16;
    }
    if (tail) {
      sum = f32x4.add(sum, f32x4.mul(loadPartial(u, tail), loadPartial(v, tail)));
      u += beside;
      v += beside;
      other = f32x4.add(other, f32x4.mul(loadPartial(u, tail), loadPartial(v, tail)));
    }
    scoresOf(a, b, sumLanes(sum), factor, keys);
    if (beside) scoresOf(a + beside, b + beside, sumLanes(other), factor, keys);
  }
}

/** dp ← factor·p·(dp − delta) over a row. */
function scoresOf(dp: usize, p: usize, delta: f32, factor: v128, keys: i32): void {
  const shift = f32x4.splat(delta);
  const tail = keys & 3;
  const end = at(dp, keys - tail);
  while (dp < end) {
    const scaled = f32x4.mul(v128.load(p), factor);
    v128.store(dp, f32x4.mul(scaled, f32x4.sub(v128.load(dp), shift)));
    dp += 16;
    p += 16;
  }
  if (tail) {
    const scaled = f32x4.mul(loadPartial(p, tail), factor);
    storePartial(dp, f32x4.mul(scaled, f32x4.sub(loadPartial(dp, tail), shift)), tail);
  }
}
