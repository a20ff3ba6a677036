/**
 * What recurrent layers share: where the states of a sequence stand, the product of a step, and the output.
 *
 *   states [steps + 1, batch, hidden]   forward   0, h₀, h₁, …      in reverse   h₀, h₁, …, 0
 *
 * So the state before step t and the state after it stand next to each other, and the states before all steps are
 * one matrix. Sequence n ends after lengths[n] steps. Past its end a state stays what it was, which for the
 * reverse direction is 0.
 */
import { addBias } from '../gemm/bias';
import { KC, MC, multiplyPacked } from '../gemm/gemm';
import { MR, NR, TILE_BYTES } from '../gemm/microkernel';
import { packA, packB } from '../gemm/pack';
import { at } from '../lanes';

/** The numbers of steps of the sequences of a batch. */
export type Lengths = usize;

@unmanaged
export class RecurrentShape {
  steps: i32;
  batch: i32;
  /** Length of a state. */
  hidden: i32;
  /** 1 if the sequence is read from its end. */
  reverse: i32;
}

/** Bytes of scratch for `batch` sequences of a cell with `gates` numbers for each of a state. */
export function recurrentScratch(batch: i32, hidden: i32, gates: i32): f64 {
  const wide = gates * hidden;
  const weight = <f64>hidden * <f64>round(wide) + <f64>wide * <f64>round(hidden);
  const rows = <f64>(min(batch, MC) * min(wide, KC)) + 2 * <f64>batch * <f64>hidden;
  return <f64>TILE_BYTES + 4 * (weight + rows);
}

/** @inline */
function round(n: i32): i32 {
  return (n + NR - 1) & -NR;
}

/*
 * Scratch:   [edge of a tile │ packed weight │ packed rows of states │ dh │ dc]
 */

/** @inline */
export function packedWeight(scratch: usize): usize {
  return scratch + TILE_BYTES;
}

/** The running gradient of the state, [batch, hidden], and after it that of the cell. */
export function runningGradient(scratch: usize, batch: i32, hidden: i32, gates: i32): usize {
  const wide = gates * hidden;
  const weight = <usize>hidden * <usize>round(wide) + <usize>wide * <usize>round(hidden);
  return scratch + TILE_BYTES + ((weight + <usize>(min(batch, MC) * min(wide, KC))) << 2);
}

/** The state before step t. */
export function stateBefore(states: usize, shape: RecurrentShape, t: i32): usize {
  return at(states, (shape.reverse ? t + 1 : t) * shape.batch * shape.hidden);
}

/** The state after step t. */
export function stateAfter(states: usize, shape: RecurrentShape, t: i32): usize {
  return at(states, (shape.reverse ? t : t + 1) * shape.batch * shape.hidden);
}

/** The s-th step that is computed. */
export function stepOf(shape: RecurrentShape, s: i32): i32 {
  return shape.reverse ? shape.steps - 1 - s : s;
}

/** Whether sequence n has a step t. */
export function isActive(lengths: Lengths, n: i32, t: i32): bool {
  return !lengths || t < load<i32>(at(lengths, n));
}

/** Zeros before the first step, for sequences [from, to). */
export function clearFirst(states: usize, shape: RecurrentShape, from: i32, to: i32): void {
  const hidden = shape.hidden;
  const first = stateBefore(states, shape, stepOf(shape, 0));
  memory.fill(at(first, from * hidden), 0, (<usize>((to - from) * hidden)) << 2);
}

/** Packs a whole matrix B, [k, n], once for all steps: block after block of KC steps of k. */
export function packRecurrent(
  packed: usize,
  b: usize, // [k, n] f32, or [n, k] with `alongK`
  n: i32,
  k: i32,
  alongK: bool,
): void {
  const ld = alongK ? k : n;
  for (let pc = 0; pc < k; pc += KC) {
    const depth = min(KC, k - pc);
    packB(packed, at(b, alongK ? pc : pc * ld), ld, n, depth, alongK);
    packed = at(packed, depth * round(n));
  }
}

/** C (+)= A·B + bias for a packed B: C [rows, n], A [rows, k]. The sums have the order of `gemm`. */
export function multiplyStep(
  c: usize,
  a: usize,
  packed: usize,
  bias: usize, // [n] f32, or 0
  rows: i32,
  n: i32,
  k: i32,
  accumulate: bool,
  edge: usize, // [TILE_BYTES]
  packedA: usize,
): void {
  const stride = (<usize>n) << 2;
  for (let pc = 0; pc < k; pc += KC) {
    const depth = min(KC, k - pc);
    const add = accumulate || pc > 0;
    for (let ic = 0; ic < rows; ic += MC) {
      const height = min(MC, rows - ic);
      packA(packedA, at(a, ic * k + pc), k, height, depth, MR, true);
      const block = c + <usize>ic * stride;
      multiplyPacked(block, packedA, packed, height, n, depth, 0, depth, stride, add, edge);
    }
    packed = at(packed, depth * round(n));
  }
  if (bias) addBias(c, stride, bias, rows, n, false);
}

/** Where `multiplyStep` packs rows of states: after a weight of [gates·hidden, hidden], packed either way. */
export function packedRows(scratch: usize, hidden: i32, gates: i32): usize {
  const wide = gates * hidden;
  const weight = <usize>hidden * <usize>round(wide) + <usize>wide * <usize>round(hidden);
  return scratch + TILE_BYTES + (weight << 2);
}

/** y[t, n] = the state after step t, and 0 past a sequence's end; for sequences [from, to). */
export function recurrentOutput(
  y: usize, // [steps, batch, hidden] f32
  states: usize, // [steps + 1, batch, hidden] f32
  lengths: Lengths, // [batch] i32, or 0
  shape: RecurrentShape,
  from: i32,
  to: i32,
): void {
  const steps = shape.steps;
  const batch = shape.batch;
  const hidden = shape.hidden;
  const bytes = (<usize>hidden) << 2;
  for (let t = 0; t < steps; t++) {
    const after = stateAfter(states, shape, t);
    const row = at(y, t * batch * hidden);
    for (let n = from; n < to; n++) {
      const to = row + <usize>n * bytes;
      if (isActive(lengths, n, t)) memory.copy(to, after + <usize>n * bytes, bytes);
      else memory.fill(to, 0, bytes);
    }
  }
}

/**
 * dh += dy for the sequences that have step t; with `last`, dy is that of the last state alone, and dh starts
 * with it.
 */
export function addStep(
  dh: usize, // [to - from, hidden] f32, added to
  dy: usize, // [steps, batch, hidden] f32
  lengths: Lengths,
  shape: RecurrentShape,
  t: i32,
  from: i32,
  to: i32,
): void {
  const batch = shape.batch;
  const hidden = shape.hidden;
  for (let n = from; n < to; n++) {
    if (!isActive(lengths, n, t)) continue;
    let p = at(dh, (n - from) * hidden);
    let q = at(dy, (t * batch + n) * hidden);
    const end = at(p, hidden);
    while (p + 16 <= end) {
      v128.store(p, f32x4.add(v128.load(p), v128.load(q)));
      p += 16;
      q += 16;
    }
    while (p < end) {
      store<f32>(p, load<f32>(p) + load<f32>(q));
      p += 4;
      q += 4;
    }
  }
}

/** dh = 0, or the gradient of the last state. */
export function startGradient(
  dh: usize,
  dy: usize,
  hidden: i32,
  last: bool,
  from: i32,
  to: i32,
): void {
  const bytes = (<usize>((to - from) * hidden)) << 2;
  if (last) memory.copy(dh, at(dy, from * hidden), bytes);
  else memory.fill(dh, 0, bytes);
}
