/**
 * The gated recurrent unit (Cho and others, 2014, arXiv:1406.1078), as cuDNN and PyTorch have it: the reset gate
 * multiplies the product, not the state. With a = x_t·W_ihᵀ + b_ih and b = h_(t−1)·W_hhᵀ + b_hh:
 *
 *   r = σ(a_r + b_r)   z = σ(a_z + b_z)   n = tanh(a_n + r·b_n)
 *   h_t = (1 − z)·n + z·h_(t−1)
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

/** The states of sequences [from, to). Gates come as a, and are r, z and n at the end. */
export function gruForward(
  h: usize, // [steps + 1, batch, hidden] f32
  gates: usize, // [steps, batch, 3·hidden] f32, updated
  products: usize, // [steps, batch, 3·hidden] f32, b
  weight: usize, // [3·hidden, hidden] f32, W_hh
  bias: usize, // [3·hidden] f32, b_hh, or 0
  lengths: Lengths, // [batch] i32, or 0
  shape: RecurrentShape,
  from: i32,
  to: i32,
  scratch: usize, // recurrentScratch(to - from, hidden, 3)
): void {
  const steps = shape.steps;
  const batch = shape.batch;
  const hidden = shape.hidden;
  const wide = 3 * hidden;
  const packed = packedWeight(scratch);
  const rows = packedRows(scratch, hidden, 3);
  packRecurrent(packed, weight, wide, hidden, true);
  clearFirst(h, shape, from, to);
  for (let s = 0; s < steps; s++) {
    const t = stepOf(shape, s);
    const before = stateBefore(h, shape, t);
    const after = stateAfter(h, shape, t);
    const a = at(gates, t * batch * wide);
    const b = at(products, t * batch * wide);
    const state = at(before, from * hidden);
    multiplyStep(
      at(b, from * wide),
      state,
      packed,
      bias,
      to - from,
      wide,
      hidden,
      false,
      scratch,
      rows,
    );
    for (let n = from; n < to; n++) {
      const row = n * hidden;
      if (!isActive(lengths, n, t)) {
        memory.copy(at(after, row), at(before, row), (<usize>hidden) << 2);
        continue;
      }
      const reset = at(a, n * wide);
      const update = at(reset, hidden);
      const fresh = at(update, hidden);
      const product = at(b, n * wide);
      for (let j = 0; j < hidden; j += 4) {
        const count = hidden - j;
        const ar = loadUpTo(at(reset, j), count);
        const r = sigmoidLanes(f32x4.add(ar, loadUpTo(at(product, j), count)));
        storeUpTo(at(reset, j), r, count);
        const bn = loadUpTo(at(product, 2 * hidden + j), count);
        const v = tanhLanes(madd(r, bn, loadUpTo(at(fresh, j), count)));
        storeUpTo(at(fresh, j), v, count);
        const az = loadUpTo(at(update, j), count);
        const z = sigmoidLanes(f32x4.add(az, loadUpTo(at(product, hidden + j), count)));
        storeUpTo(at(update, j), z, count);
        const last = loadUpTo(at(before, row + j), count);
        // (1 − z)·n + z·h = n + z·(h − n)
        storeUpTo(at(after, row + j), madd(z, f32x4.sub(last, v), v), count);
      }
    }
  }
}

/**
 *   da_n = dh·(1 − z)·(1 − n²)    da_z = dh·(h_(t−1) − n)·z·(1 − z)    da_r = da_n·b_n·r·(1 − r)
 *   db = da, but db_n = da_n·r
 *   dh_(t−1) = dh·z + db·W_hh
 *
 * da takes the place of the gates, db that of b.
 */
export function gruBackward(
  dgates: usize, // [steps, batch, 3·hidden] f32, r, z and n; overwritten
  dproducts: usize, // [steps, batch, 3·hidden] f32, b; overwritten
  h: usize, // [steps + 1, batch, hidden] f32
  dy: usize, // [steps, batch, hidden] f32, or [batch, hidden] with `last`
  weight: usize, // [3·hidden, hidden] f32
  lengths: Lengths,
  shape: RecurrentShape,
  last: i32,
  from: i32,
  to: i32,
  scratch: usize, // recurrentScratch(to - from, hidden, 3)
): void {
  const steps = shape.steps;
  const batch = shape.batch;
  const hidden = shape.hidden;
  const wide = 3 * hidden;
  const packed = packedWeight(scratch);
  const rows = packedRows(scratch, hidden, 3);
  const dh = runningGradient(scratch, to - from, hidden, 3);
  const one = f32x4.splat(1);
  packRecurrent(packed, weight, hidden, wide, false);
  startGradient(dh, dy, hidden, last != 0, from, to);
  for (let s = steps - 1; s >= 0; s--) {
    const t = stepOf(shape, s);
    const before = stateBefore(h, shape, t);
    const da = at(dgates, t * batch * wide);
    const db = at(dproducts, t * batch * wide);
    if (!last) addStep(dh, dy, lengths, shape, t, from, to);
    for (let n = from; n < to; n++) {
      const reset = at(da, n * wide);
      const product = at(db, n * wide);
      if (!isActive(lengths, n, t)) {
        memory.fill(reset, 0, (<usize>wide) << 2);
        memory.fill(product, 0, (<usize>wide) << 2);
        continue;
      }
      const update = at(reset, hidden);
      const fresh = at(update, hidden);
      const state = at(before, n * hidden);
      const dhRow = at(dh, (n - from) * hidden);
      for (let j = 0; j < hidden; j += 4) {
        const count = hidden - j;
        const r = loadUpTo(at(reset, j), count);
        const z = loadUpTo(at(update, j), count);
        const v = loadUpTo(at(fresh, j), count);
        const bn = loadUpTo(at(product, 2 * hidden + j), count);
        const d = loadUpTo(at(dhRow, j), count);
        const rest = f32x4.sub(one, z);
        const dn = f32x4.mul(f32x4.mul(d, rest), f32x4.sub(one, f32x4.mul(v, v)));
        const change = f32x4.sub(loadUpTo(at(state, j), count), v);
        const dz = f32x4.mul(f32x4.mul(d, change), f32x4.mul(z, rest));
        const dr = f32x4.mul(f32x4.mul(dn, bn), f32x4.mul(r, f32x4.sub(one, r)));
        storeUpTo(at(reset, j), dr, count);
        storeUpTo(at(update, j), dz, count);
        storeUpTo(at(fresh, j), dn, count);
        storeUpTo(at(product, j), dr, count);
        storeUpTo(at(product, hidden + j), dz, count);
        storeUpTo(at(product, 2 * hidden + j), f32x4.mul(dn, r), count);
        storeUpTo(at(dhRow, j), f32x4.mul(d, z), count);
      }
    }
    const first = at(db, from * wide);
    multiplyStep(dh, first, packed, 0, to - from, hidden, wide, true, scratch, rows);
  }
}
