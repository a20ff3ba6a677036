/**
 * The simple recurrent network (Elman, 1990), with a = x_t·W_ihᵀ + b_ih from one product for all steps:
 *
 *   h_t = f(a_t + h_(t−1)·W_hhᵀ + b_hh),   f = tanh or ReLU
 */
import { at, loadUpTo, storeUpTo } from '../lanes';
import { tanhLanes } from '../math';
import {
  addStep,
  clearFirst,
  isActive,
  Lengths,
  multiplyStep,
  packedRows,
  packedWeight,
  packRecurrent,
  RecurrentShape,
  runningGradient,
  startGradient,
  stateAfter,
  stateBefore,
  stepOf,
} from './sequence';

/** The states of sequences [from, to). */
export function rnnForward(
  h: usize, // [steps + 1, batch, hidden] f32
  gates: usize, // [steps, batch, hidden] f32, a; overwritten
  weight: usize, // [hidden, hidden] f32, W_hh
  bias: usize, // [hidden] f32, b_hh, or 0
  lengths: Lengths, // [batch] i32, or 0
  shape: RecurrentShape,
  relu: i32,
  from: i32,
  to: i32,
  scratch: usize, // recurrentScratch(to - from, hidden, 1)
): void {
  const steps = shape.steps;
  const batch = shape.batch;
  const hidden = shape.hidden;
  const packed = packedWeight(scratch);
  const rows = packedRows(scratch, hidden, 1);
  packRecurrent(packed, weight, hidden, hidden, true);
  clearFirst(h, shape, from, to);
  for (let s = 0; s < steps; s++) {
    const t = stepOf(shape, s);
    const before = stateBefore(h, shape, t);
    const after = stateAfter(h, shape, t);
    const a = at(gates, t * batch * hidden);
    const first = from * hidden;
    multiplyStep(
      at(a, first),
      at(before, first),
      packed,
      bias,
      to - from,
      hidden,
      hidden,
      true,
      scratch,
      rows,
    );
    for (let n = from; n < to; n++) {
      const row = n * hidden;
      if (!isActive(lengths, n, t)) {
        memory.copy(at(after, row), at(before, row), (<usize>hidden) << 2);
        continue;
      }
      for (let j = 0; j < hidden; j += 4) {
        const count = hidden - j;
        const v = loadUpTo(at(a, row + j), count);
        const y = relu ? f32x4.pmax(v, f32x4.splat(0)) : tanhLanes(v);
        storeUpTo(at(after, row + j), y, count);
      }
    }
  }
}

/**
 * da_t = dh_t·f′, from h_t: dh·(1 − h²), or dh where h > 0; dh_(t−1) = da_t·W_hh. It takes the place of a. The
 * gradients of the parameters and of x are products of da with what is saved, for all steps at once.
 */
export function rnnBackward(
  dgates: usize, // [steps, batch, hidden] f32, overwritten
  h: usize, // [steps + 1, batch, hidden] f32
  dy: usize, // [steps, batch, hidden] f32, or [batch, hidden] with `last`
  weight: usize, // [hidden, hidden] f32
  lengths: Lengths,
  shape: RecurrentShape,
  relu: i32,
  last: i32,
  from: i32,
  to: i32,
  scratch: usize, // recurrentScratch(to - from, hidden, 1)
): void {
  const steps = shape.steps;
  const batch = shape.batch;
  const hidden = shape.hidden;
  const packed = packedWeight(scratch);
  const rows = packedRows(scratch, hidden, 1);
  const dh = runningGradient(scratch, to - from, hidden, 1);
  packRecurrent(packed, weight, hidden, hidden, false);
  startGradient(dh, dy, hidden, last != 0, from, to);
  for (let s = steps - 1; s >= 0; s--) {
    const t = stepOf(shape, s);
    const after = stateAfter(h, shape, t);
    const da = at(dgates, t * batch * hidden);
    if (!last) addStep(dh, dy, lengths, shape, t, from, to);
    for (let n = from; n < to; n++) {
      const row = n * hidden;
      const d = at(dh, (n - from) * hidden);
      if (!isActive(lengths, n, t)) {
        memory.fill(at(da, row), 0, (<usize>hidden) << 2);
        continue;
      }
      for (let j = 0; j < hidden; j += 4) {
        const count = hidden - j;
        const y = loadUpTo(at(after, row + j), count);
        const dv = loadUpTo(at(d, j), count);
        const slope = f32x4.sub(f32x4.splat(1), f32x4.mul(y, y));
        const g = relu ? v128.andnot(dv, f32x4.le(y, f32x4.splat(0))) : f32x4.mul(dv, slope);
        storeUpTo(at(da, row + j), g, count);
        storeUpTo(at(d, j), f32x4.splat(0), count);
      }
    }
    const first = at(da, from * hidden);
    multiplyStep(dh, first, packed, 0, to - from, hidden, hidden, true, scratch, rows);
  }
}
