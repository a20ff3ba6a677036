/**
 * The walk over the steps of a batch of sequences, for any cell. a_t = x_t·W_ihᵀ + b_ih comes from one product for
 * all steps, and the gradients of x and of the parameters are products with da, for all steps at once. In between:
 *
 *   forward, in the order of the steps      b = h_(t−1)·W_hhᵀ + b_hh    h_t = cell(a_t, b, h_(t−1))
 *   backward, in the opposite order         dh_t += dy_t    da_t, db = the cell's gradients    dh_(t−1) += db·W_hh
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

  /**
   * One step of one sequence. `behind` is the distance in bytes from h to c, or from a to b.
   *
   * @param after h_t, [hidden], overwritten
   * @param gates a + b, or a; [gates·hidden], updated to what the backward pass needs
   * @param before h_(t−1), [hidden]
   */
  abstract forward(
    after: usize,
    gates: usize,
    before: usize,
    behind: usize,
    shape: RecurrentShape,
  ): void;

  /**
   * The gradients of that step.
   *
   * @param dgates what `forward` left; becomes da, and db if there are products
   * @param dh of h_t; becomes the part of that of h_(t−1) that does not come through b, often 0
   * @param dc of c_t, so far as it comes from the next step; becomes that of c_(t−1)
   * @param spare [hidden] f32, for anything
   */
  abstract backward(
    dgates: usize,
    dh: usize,
    dc: usize,
    after: usize,
    before: usize,
    behind: usize,
    spare: usize,
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
  const bytes = (<usize>hidden) << 2;
  const behind = cell.hasProducts() ? bytesOfGates(shape, wide) : bytesOfStates(shape);
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
        memory.copy(at(after, row), at(before, row), bytes);
        if (cell.hasCellStates())
          memory.copy(at(after + behind, row), at(before + behind, row), bytes);
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
  const bytes = (<usize>hidden) << 2;
  const behind = cell.hasProducts() ? bytesOfGates(shape, wide) : bytesOfStates(shape);
  const dh = runningGradient(scratch, count, hidden, wide);
  const dc = at(dh, count * hidden);
  const spare = at(dc, count * hidden);
  packStepWeight(scratch, weight, hidden, wide, false);
  startGradient(dh, dy, shape, from, to);
  if (cell.hasCellStates()) memory.fill(dc, 0, <usize>count * bytes);
  for (let s = shape.steps - 1; s >= 0; s--) {
    const t = stepOf(shape, s);
    const before = stateBefore(h, shape, t);
    const after = stateAfter(h, shape, t);
    const da = at(dgates, t * batch * wide);
    addOutputGradient(dh, dy, lengths, shape, t, from, to);
    for (let n = from; n < to; n++) {
      const own = at(da, n * wide);
      if (isActive(lengths, n, t)) {
        const i = (n - from) * hidden;
        const row = n * hidden;
        cell.backward(
          own,
          at(dh, i),
          at(dc, i),
          at(after, row),
          at(before, row),
          behind,
          spare,
          shape,
        );
      } else {
        memory.fill(own, 0, (<usize>wide) << 2);
        if (cell.hasProducts()) memory.fill(own + behind, 0, (<usize>wide) << 2);
      }
    }
    // Nobody asks for the gradient of the states before the first step.
    if (s == 0) break;
    const db = at(cell.hasProducts() ? da + behind : da, from * wide);
    multiplyStep(dh, db, 0, count, hidden, wide, true, scratch);
  }
}

/** @inline */
function bytesOfGates(shape: RecurrentShape, wide: i32): usize {
  return (<usize>shape.steps * <usize>shape.batch * <usize>wide) << 2;
}
