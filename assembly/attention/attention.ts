/**
 * Scaled dot-product attention (Vaswani and others, 2017), one head and one block of queries at a time, so that
 * there are never more scores than a block's (Dao and others, 2022, arXiv:2205.14135). The scores s = q·kᵀ come from
 * a matrix product; here they become probabilities, and their gradient:
 *
 *   p_ij = exp(scale·s_ij − l_i),   l_i = ln Σ_j exp(scale·s_ij)
 *
 * over the keys j that query i may see. Forward keeps l alone; backward computes s again, and p from it.
 */
import { logOf, rowExp, rowMax, rowScale } from '../activation/softmax';
import { at, loadUpTo, storeUpTo, sumLanes } from '../lanes';
import { expLanes } from '../math';

/** Which keys are padding, for one sequence: 1 where a key is to be ignored. */
export type PaddingMask = usize;

/** scale·s, and −∞ where query i may not see key j: j > i in a causal layer, or padding. */
function maskRow(s: usize, padding: PaddingMask, keys: i32, seen: i32, scale: f32): void {
  const factor = f32x4.splat(scale);
  for (let j = 0; j < keys; j += 4) {
    const count = keys - j;
    storeUpTo(at(s, j), f32x4.mul(loadUpTo(at(s, j), count), factor), count);
  }
  for (let j = seen; j < keys; j++) store<f32>(at(s, j), -Infinity);
  if (!padding) return;
  for (let j = 0; j < seen; j++) {
    if (load<i32>(at(padding, j))) store<f32>(at(s, j), -Infinity);
  }
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
    maskRow(row, padding, keys, seen, scale);
    const m = rowMax(row, keys);
    const sum = rowExp(row, row, m, keys);
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
    maskRow(row, padding, keys, seen, scale);
    const shift = v128.load32_splat(at(l, i));
    for (let j = 0; j < keys; j += 4) {
      const count = keys - j;
      storeUpTo(at(row, j), expLanes(f32x4.sub(loadUpTo(at(row, j), count), shift)), count);
    }
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
  for (let i = 0; i < rows; i++) {
    const a = at(dp, i * keys);
    const b = at(p, i * keys);
    let sum = f32x4.splat(0);
    for (let j = 0; j < keys; j += 4) {
      const count = keys - j;
      sum = f32x4.add(sum, f32x4.mul(loadUpTo(at(a, j), count), loadUpTo(at(b, j), count)));
    }
    const delta = f32x4.splat(sumLanes(sum));
    for (let j = 0; j < keys; j += 4) {
      const count = keys - j;
      const centred = f32x4.sub(loadUpTo(at(a, j), count), delta);
      const d = f32x4.mul(f32x4.mul(loadUpTo(at(b, j), count), factor), centred);
      storeUpTo(at(a, j), d, count);
    }
  }
}
