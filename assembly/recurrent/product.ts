/**
 * The product of a step, of the states or the gates' gradients of a batch with W_hh, and the scratch of a pass. The
 * weight is packed once for all steps. The sums have the order of `gemm`.
 *
 *   scratch   │ edge of a tile │ packed weight │ packed rows │ dh │ dc │ a row │
 */
import { addBias } from '../gemm/bias';
import { KC, MC, multiplyPacked } from '../gemm/gemm';
import { MR, NR, TILE_BYTES } from '../gemm/microkernel';
import { packA, packB } from '../gemm/pack';
import { at } from '../lanes';

/** Bytes of scratch for `batch` sequences of a cell with `gates` numbers for each of a state. */
export function recurrentScratch(batch: i32, hidden: i32, gates: i32): f64 {
  const wide = gates * hidden;
  const weight = <f64>hidden * <f64>round(wide) + <f64>wide * <f64>round(hidden);
  const rows = <f64>(min(batch, MC) * min(wide, KC));
  const gradients = 2 * <f64>batch * <f64>hidden + <f64>hidden;
  return <f64>TILE_BYTES + 4 * (weight + rows + gradients);
}

/** @inline */
function round(n: i32): i32 {
  return (n + NR - 1) & -NR;
}

/** @inline */
function packedWeight(scratch: usize): usize {
  return scratch + TILE_BYTES;
}

/** Rows of states or of gradients, after a weight [gates·hidden, hidden] that is packed either way. */
function packedRows(scratch: usize, hidden: i32, wide: i32): usize {
  const weight = <usize>hidden * <usize>round(wide) + <usize>wide * <usize>round(hidden);
  return packedWeight(scratch) + (weight << 2);
}

/** The gradient of the state of the step at hand, [batch, hidden], and behind it that of the cell state. */
export function runningGradient(scratch: usize, batch: i32, hidden: i32, wide: i32): usize {
  return at(packedRows(scratch, hidden, wide), min(batch, MC) * min(wide, KC));
}

/** Packs the whole of B, [k, n]: block after block of KC steps of k. */
export function packStepWeight(
  scratch: usize,
  b: usize, // [k, n] f32, or [n, k] with `alongK`
  n: i32,
  k: i32,
  alongK: bool,
): void {
  const ld = alongK ? k : n;
  let packed = packedWeight(scratch);
  for (let pc = 0; pc < k; pc += KC) {
    const depth = min(KC, k - pc);
    packB(packed, at(b, alongK ? pc : pc * ld), ld, n, depth, alongK);
    packed = at(packed, depth * round(n));
  }
}

/** C = A·B + bias, or C += A·B + bias with `accumulate`, for the packed B. */
export function multiplyStep(
  c: usize, // [rows, n] f32
  a: usize, // [rows, k] f32
  bias: usize, // [n] f32, or 0
  rows: i32,
  n: i32,
  k: i32,
  accumulate: bool,
  scratch: usize,
): void {
  const stride = (<usize>n) << 2;
  // W_hh is [n, k] or [k, n], and takes as much room either way.
  const packedA = packedRows(scratch, min(n, k), max(n, k));
  let packed = packedWeight(scratch);
  for (let pc = 0; pc < k; pc += KC) {
    const depth = min(KC, k - pc);
    const add = accumulate || pc > 0;
    for (let ic = 0; ic < rows; ic += MC) {
      const height = min(MC, rows - ic);
      packA(packedA, at(a, ic * k + pc), k, height, depth, MR, true);
      const block = c + <usize>ic * stride;
      multiplyPacked(block, packedA, packed, height, n, depth, 0, depth, stride, add, scratch);
    }
    packed = at(packed, depth * round(n));
  }
  if (bias) addBias(c, stride, bias, rows, n, false);
}
