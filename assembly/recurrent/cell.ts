/**
 * The walk over the steps of a batch of sequences, for any cell. One product gives a_t = x_t·W_ihᵀ + b_ih for all
 * steps before the walk, and products with da and db give the gradients of x and of the parameters after it.
 *
 *   forward, in the order of the steps     b_t = h_(t−1)·W_hhᵀ + b_hh    h_t from a_t, b_t and h_(t−1)
 *   backward, in the opposite order        dh_t += dy_t    da_t and db_t from dh_t    dh_(t−1) += db_t·W_hh
 *
 * A cell is an `@unmanaged` class; its methods are inlined into the walk (scripts/inline.js).
 */
import { at } from '../lanes';
import { multiplyStep, packStepWeight, runningGradient } from './product';
import {
  addOutputGradient,
  bytesOfStates,
  clearFirst,
  isActive,
  Lengths,
  RecurrentShape,
  startGradient,
  stateAfter,
  stateBefore,
  stepOf,
} from './sequence';

@unmanaged
export abstract class Cell {
  /** Numbers of the gates for each number of a state. */
  abstract gates(): i32;

  /** Whether there are cell states c beside the states h: then c stands behind h, in the same tensor. */
  abstract hasCellStates(): bool;

  /** Whether a and b are needed apart: then b stands behind a, in the same tensor. Otherwise b is added to a. */
  abstract hasProducts(): bool;

  /** One step of one sequence. */
  abstract forward(
    after: usize, // [hidden] f32, h_t; overwritten
    gates: usize, // [gates·hidden] f32, a or a + b; updated to what `backward` needs
    before: usize, // [hidden] f32, h_(t−1)
    behind: usize, // bytes from h to c, or from a to b
    shape: RecurrentShape,
  ): void;

  /** The gradients of that step. */
  abstract backward(
    dgates: usize, // what `forward` left; becomes da, and behind it db
    dh: usize, // [hidden] f32, of h_t; becomes the part of that of h_(t−1) that does not come through b
    dc: usize, // [hidden] f32, of c_t, so far as it comes from the next step; becomes that of c_(t−1)
    after: usize, // [hidden] f32, h_t
    before: usize, // [hidden] f32, h_(t−1)
    behind: usize, // as in `forward`
    scratch: usize, // [hidden] f32
    shape: RecurrentShape,
  ): void;
}

/** The states after all steps, for sequences [from, to). */
export function walkForward<C extends Cell>(
  h: usize, // [steps + 1, batch, hidden] f32, or [2, …] with the cell states; overwritten
  gates: usize, // [steps, batch, gates·hidden] f32, a; or [2, …] with room for b; updated
  weight: usize, // [gates·hidden, hidden] f32, W_hh
  bias: usize, // [gates·hidden] f32, b_hh, or 0
  lengths: Lengths, // [batch] i32, or 0
  shape: RecurrentShape,
  from: i32,
  to: i32,
  scratch: usize, // recurrentScratch(to - from, hidden, gates)
): void {
  const cell = changetype<C>(0);
  const steps = shape.steps;
  const batch = shape.batch;
  const hidden = shape.hidden;
  const wide = cell.gates() * hidden;
  const behind = distance<C>(shape, wide);
  packStepWeight(scratch, weight, wide, hidden, true);
  clearFirst(h, shape, from, to);
  if (cell.hasCellStates()) clearFirst(h + behind, shape, from, to);
  for (let s = 0; s < steps; s++) {
    const t = stepOf(shape, s);
    const before = stateBefore(h, shape, t);
    const after = stateAfter(h, shape, t);
    const a = at(gates, t * batch * wide);
    const b = cell.hasProducts() ? a + behind : a;
    const states = at(before, from * hidden);
    const add = !cell.hasProducts();
    multiplyStep(at(b, from * wide), states, bias, to - from, wide, hidden, add, scratch);
    for (let n = from; n < to; n++) {
      const row = n * hidden;
      if (isActive(lengths, n, t)) {
        cell.forward(at(after, row), at(a, n * wide), at(before, row), behind, shape);
      } else {
        copyState(after, before, row, hidden);
        if (cell.hasCellStates()) copyState(after + behind, before + behind, row, hidden);
      }
    }
  }
}

/** The gradients of the gates of all steps, for sequences [from, to). */
export function walkBackward<C extends Cell>(
  dgates: usize, // as `forward` left them; overwritten
  h: usize, // [steps + 1, batch, hidden] f32, or [2, …] with the cell states
  dy: usize, // [steps, batch, hidden] f32, or [batch, hidden] with `last`
  weight: usize, // [gates·hidden, hidden] f32, W_hh
  lengths: Lengths, // [batch] i32, or 0
  shape: RecurrentShape,
  from: i32,
  to: i32,
  scratch: usize, // recurrentScratch(to - from, hidden, gates)
): void {
  const cell = changetype<C>(0);
  const batch = shape.batch;
  const hidden = shape.hidden;
  const count = to - from;
  const wide = cell.gates() * hidden;
  const behind = distance<C>(shape, wide);
  const bytes = (<usize>wide) << 2;
  const dh = runningGradient(scratch, count, hidden, wide);
  const dc = at(dh, count * hidden);
  const spare = at(dc, count * hidden);
  packStepWeight(scratch, weight, hidden, wide, false);
  startGradient(dh, dy, shape, from, to);
  if (cell.hasCellStates()) memory.fill(dc, 0, (<usize>(count * hidden)) << 2);
  for (let s = shape.steps - 1; s >= 0; s--) {
    const t = stepOf(shape, s);
    const before = stateBefore(h, shape, t);
    const after = stateAfter(h, shape, t);
    const da = at(dgates, t * batch * wide);
    addOutputGradient(dh, dy, lengths, shape, t, from, to);
    for (let n = from; n < to; n++) {
      const own = at(da, n * wide);
      if (isActive(lengths, n, t)) {
        const d = (n - from) * hidden;
        const h0 = at(before, n * hidden);
        const h1 = at(after, n * hidden);
        cell.backward(own, at(dh, d), at(dc, d), h1, h0, behind, spare, shape);
      } else {
        memory.fill(own, 0, bytes);
        if (cell.hasProducts()) memory.fill(own + behind, 0, bytes);
      }
    }
    // Nobody asks for the gradient of the states before the first step.
    if (s == 0) break;
    const db = at(cell.hasProducts() ? da + behind : da, from * wide);
    multiplyStep(dh, db, 0, count, hidden, wide, true, scratch);
  }
}

/**
 * Bytes from h to c, or from a to b.
 * @inline
 */
function distance<C extends Cell>(shape: RecurrentShape, wide: i32): usize {
  if (!changetype<C>(0).hasProducts()) return bytesOfStates(shape);
  return (<usize>shape.steps * <usize>shape.batch * <usize>wide) << 2;
}

/** @inline */
function copyState(after: usize, before: usize, row: i32, hidden: i32): void {
  memory.copy(at(after, row), at(before, row), (<usize>hidden) << 2);
}
