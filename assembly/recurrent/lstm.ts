/**
 * Long short-term memory (Hochreiter and Schmidhuber, 1997; with forget gates, Gers and others, 2000). With
 * a = x_t·W_ihᵀ + b_ih + h_(t−1)·W_hhᵀ + b_hh, four numbers for each of a state:
 *
 *   i = σ(a_i)   f = σ(a_f)   g = tanh(a_g)   o = σ(a_o)
 *   c_t = f·c_(t−1) + i·g
 *   h_t = o·tanh(c_t)
 */
import { at, loadUpTo, madd, storeUpTo } from '../lanes';
import { sigmoidLanes, tanhLanes } from '../math';
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

/** The states and cells of sequences [from, to). Gates come as x·W_ihᵀ + b_ih, and are i, f, g and o at the end. */
export function lstmForward(
  h: usize, // [steps + 1, batch, hidden] f32
  c: usize, // [steps + 1, batch, hidden] f32
  gates: usize, // [steps, batch, 4·hidden] f32, updated
  weight: usize, // [4·hidden, hidden] f32, W_hh
  bias: usize, // [4·hidden] f32, b_hh, or 0
  lengths: Lengths, // [batch] i32, or 0
  shape: RecurrentShape,
  from: i32,
  to: i32,
  scratch: usize, // recurrentScratch(to - from, hidden, 4)
): void {
  const steps = shape.steps;
  const batch = shape.batch;
  const hidden = shape.hidden;
  const wide = 4 * hidden;
  const packed = packedWeight(scratch);
  const rows = packedRows(scratch, hidden, 4);
  packRecurrent(packed, weight, wide, hidden, true);
  clearFirst(h, shape, from, to);
  clearFirst(c, shape, from, to);
  for (let s = 0; s < steps; s++) {
    const t = stepOf(shape, s);
    const hBefore = stateBefore(h, shape, t);
    const hAfter = stateAfter(h, shape, t);
    const cBefore = stateBefore(c, shape, t);
    const cAfter = stateAfter(c, shape, t);
    const a = at(gates, t * batch * wide);
    const state = at(hBefore, from * hidden);
    multiplyStep(
      at(a, from * wide),
      state,
      packed,
      bias,
      to - from,
      wide,
      hidden,
      true,
      scratch,
      rows,
    );
    for (let n = from; n < to; n++) {
      const row = n * hidden;
      if (!isActive(lengths, n, t)) {
        memory.copy(at(hAfter, row), at(hBefore, row), (<usize>hidden) << 2);
        memory.copy(at(cAfter, row), at(cBefore, row), (<usize>hidden) << 2);
        continue;
      }
      const input = at(a, n * wide);
      const forget = at(input, hidden);
      const cell = at(forget, hidden);
      const output = at(cell, hidden);
      for (let j = 0; j < hidden; j += 4) {
        const count = hidden - j;
        const i = sigmoidLanes(loadUpTo(at(input, j), count));
        storeUpTo(at(input, j), i, count);
        const f = sigmoidLanes(loadUpTo(at(forget, j), count));
        storeUpTo(at(forget, j), f, count);
        const g = tanhLanes(loadUpTo(at(cell, j), count));
        storeUpTo(at(cell, j), g, count);
        const ct = madd(f, loadUpTo(at(cBefore, row + j), count), f32x4.mul(i, g));
        storeUpTo(at(cAfter, row + j), ct, count);
        const o = sigmoidLanes(loadUpTo(at(output, j), count));
        storeUpTo(at(output, j), o, count);
        storeUpTo(at(hAfter, row + j), f32x4.mul(o, tanhLanes(ct)), count);
      }
    }
  }
}

/**
 * With u = tanh(c_t) and dc the gradient that comes from the next step:
 *
 *   dc += dh·o·(1 − u²)
 *   da_i = dc·g·i·(1 − i)         da_f = dc·c_(t−1)·f·(1 − f)
 *   da_g = dc·i·(1 − g²)          da_o = dh·u·o·(1 − o)
 *   dc_(t−1) = dc·f               dh_(t−1) = da·W_hh
 *
 * da takes the place of the gates.
 */
export function lstmBackward(
  dgates: usize, // [steps, batch, 4·hidden] f32, i, f, g and o; overwritten
  c: usize, // [steps + 1, batch, hidden] f32
  dy: usize, // [steps, batch, hidden] f32, or [batch, hidden] with `last`
  weight: usize, // [4·hidden, hidden] f32
  lengths: Lengths,
  shape: RecurrentShape,
  last: i32,
  from: i32,
  to: i32,
  scratch: usize, // recurrentScratch(to - from, hidden, 4)
): void {
  const steps = shape.steps;
  const batch = shape.batch;
  const hidden = shape.hidden;
  const wide = 4 * hidden;
  const packed = packedWeight(scratch);
  const rows = packedRows(scratch, hidden, 4);
  const dh = runningGradient(scratch, to - from, hidden, 4);
  const dc = at(dh, (to - from) * hidden);
  const one = f32x4.splat(1);
  packRecurrent(packed, weight, hidden, wide, false);
  startGradient(dh, dy, hidden, last != 0, from, to);
  memory.fill(dc, 0, (<usize>((to - from) * hidden)) << 2);
  for (let s = steps - 1; s >= 0; s--) {
    const t = stepOf(shape, s);
    const cBefore = stateBefore(c, shape, t);
    const cAfter = stateAfter(c, shape, t);
    const da = at(dgates, t * batch * wide);
    if (!last) addStep(dh, dy, lengths, shape, t, from, to);
    for (let n = from; n < to; n++) {
      const row = n * hidden;
      const input = at(da, n * wide);
      if (!isActive(lengths, n, t)) {
        memory.fill(input, 0, (<usize>wide) << 2);
        continue;
      }
      const forget = at(input, hidden);
      const cell = at(forget, hidden);
      const output = at(cell, hidden);
      const dhRow = at(dh, (n - from) * hidden);
      const dcRow = at(dc, (n - from) * hidden);
      for (let j = 0; j < hidden; j += 4) {
        const count = hidden - j;
        const i = loadUpTo(at(input, j), count);
        const f = loadUpTo(at(forget, j), count);
        const g = loadUpTo(at(cell, j), count);
        const o = loadUpTo(at(output, j), count);
        const u = tanhLanes(loadUpTo(at(cAfter, row + j), count));
        const d = loadUpTo(at(dhRow, j), count);
        const du = f32x4.mul(f32x4.mul(d, o), f32x4.sub(one, f32x4.mul(u, u)));
        const e = f32x4.add(loadUpTo(at(dcRow, j), count), du);
        const before = loadUpTo(at(cBefore, row + j), count);
        const di = f32x4.mul(f32x4.mul(e, g), f32x4.mul(i, f32x4.sub(one, i)));
        const df = f32x4.mul(f32x4.mul(e, before), f32x4.mul(f, f32x4.sub(one, f)));
        const dg = f32x4.mul(f32x4.mul(e, i), f32x4.sub(one, f32x4.mul(g, g)));
        const dO = f32x4.mul(f32x4.mul(d, u), f32x4.mul(o, f32x4.sub(one, o)));
        storeUpTo(at(input, j), di, count);
        storeUpTo(at(forget, j), df, count);
        storeUpTo(at(cell, j), dg, count);
        storeUpTo(at(output, j), dO, count);
        storeUpTo(at(dcRow, j), f32x4.mul(e, f), count);
        storeUpTo(at(dhRow, j), f32x4.splat(0), count);
      }
    }
    const first = at(da, from * wide);
    multiplyStep(dh, first, packed, 0, to - from, hidden, wide, true, scratch, rows);
  }
}
