/**
 * The gated recurrent unit (Cho and others, 2014, arXiv:1406.1078), as cuDNN and PyTorch have it: the reset gate
 * multiplies the product, not the state. With a = x_t·W_ihᵀ + b_ih and b = h_(t−1)·W_hhᵀ + b_hh:
 *
 *   r = σ(a_r + b_r)   z = σ(a_z + b_z)   n = tanh(a_n + r·b_n)
 *   h_t = (1 − z)·n + z·h_(t−1)
 */
import { sigmoidForward } from '../activation/sigmoid';
import { tanhForward } from '../activation/tanh';
import { addForward } from '../add';
import { at, loadVector, madd, storeVector } from '../lanes';
import { Cell, walkBackward, walkForward } from './cell';
import { Lengths, RecurrentShape } from './sequence';

@unmanaged
class GRU extends Cell {
  gates(): i32 {
    return 3;
  }

  hasCellStates(): bool {
    return false;
  }

  hasProducts(): bool {
    return true;
  }

  forward(after: usize, gates: usize, before: usize, behind: usize, shape: RecurrentShape): void {
    const hidden = shape.hidden;
    const fresh = at(gates, 2 * hidden);
    addForward(gates, gates, gates + behind, false, 0, 2 * hidden);
    sigmoidForward(gates, gates, 0, 2 * hidden);
    let j = 0;
    for (; j + 4 <= hidden; j += 4) this.reset(gates, behind, hidden, j, 4);
    if (j < hidden) this.reset(gates, behind, hidden, j, hidden - j);
    tanhForward(fresh, fresh, 0, hidden);
    for (j = 0; j + 4 <= hidden; j += 4) this.update(after, gates, before, hidden, j, 4);
    if (j < hidden) this.update(after, gates, before, hidden, j, hidden - j);
  }

  /** a_n + r·b_n for `count` numbers from j on. */
  private reset(gates: usize, behind: usize, hidden: i32, j: i32, count: i32): void {
    const r = loadVector(at(gates, j), 0, count);
    const fresh = at(gates, 2 * hidden + j);
    const product = loadVector(fresh + behind, 0, count);
    storeVector(fresh, madd(r, product, loadVector(fresh, 0, count)), count);
  }

  /** h_t = (1 − z)·n + z·h = n + z·(h − n) */
  private update(after: usize, gates: usize, before: usize, hidden: i32, j: i32, count: i32): void {
    const z = loadVector(at(gates, hidden + j), 0, count);
    const n = loadVector(at(gates, 2 * hidden + j), 0, count);
    const h = loadVector(at(before, j), 0, count);
    storeVector(at(after, j), madd(z, f32x4.sub(h, n), n), count);
  }

  backward(
    dgates: usize,
    dh: usize,
    dc: usize,
    after: usize,
    before: usize,
    behind: usize,
    scratch: usize,
    shape: RecurrentShape,
  ): void {
    const hidden = shape.hidden;
    let j = 0;
    for (; j + 4 <= hidden; j += 4) this.gradients(dgates, dh, before, behind, hidden, j, 4);
    if (j < hidden) this.gradients(dgates, dh, before, behind, hidden, j, hidden - j);
  }

  /**
   *   da_n = dh·(1 − z)·(1 − n²)    da_z = dh·(h_(t−1) − n)·z·(1 − z)    da_r = da_n·b_n·r·(1 − r)
   *   db = da, but db_n = da_n·r
   *   dh ← dh·z
   */
  private gradients(
    dgates: usize,
    dh: usize,
    before: usize,
    behind: usize,
    hidden: i32,
    j: i32,
    count: i32,
  ): void {
    const one = f32x4.splat(1);
    const reset = at(dgates, j);
    const update = at(reset, hidden);
    const fresh = at(update, hidden);
    const z = loadVector(update, 0, count);
    const n = loadVector(fresh, 0, count);
    const d = loadVector(at(dh, j), 0, count);
    const rest = f32x4.sub(one, z);
    const change = f32x4.sub(loadVector(at(before, j), 0, count), n);
    const dz = f32x4.mul(f32x4.mul(d, change), f32x4.mul(z, rest));
    storeVector(update, dz, count);
    storeVector(update + behind, dz, count);
    storeVector(at(dh, j), f32x4.mul(d, z), count);
    const dn = f32x4.mul(f32x4.mul(d, rest), f32x4.sub(one, f32x4.mul(n, n)));
    storeVector(fresh, dn, count);
    const r = loadVector(reset, 0, count);
    const product = loadVector(fresh + behind, 0, count);
    storeVector(fresh + behind, f32x4.mul(dn, r), count);
    const dr = f32x4.mul(f32x4.mul(dn, product), f32x4.mul(r, f32x4.sub(one, r)));
    storeVector(reset, dr, count);
    storeVector(reset + behind, dr, count);
  }
}

/** The states of sequences [from, to). */
export function gruForward(
  h: usize, // [steps + 1, batch, hidden] f32, overwritten
  gates: usize, // [2, steps, batch, 3·hidden] f32: a, which becomes r, z and n; and room for b, overwritten
  weight: usize, // [3·hidden, hidden] f32, W_hh
  bias: usize, // [3·hidden] f32, b_hh, or 0
  lengths: Lengths, // [batch] i32, or 0
  shape: RecurrentShape,
  from: i32,
  to: i32,
  scratch: usize, // recurrentScratch(to - from, hidden, 3)
): void {
  walkForward<GRU>(h, gates, weight, bias, lengths, shape, from, to, scratch);
}

/** The gradients of a and b. */
export function gruBackward(
  dgates: usize, // [2, steps, batch, 3·hidden] f32: r, z and n, which become da; and b, which becomes db
  h: usize, // [steps + 1, batch, hidden] f32
  dy: usize, // [steps, batch, hidden] f32, or [batch, hidden] with `last`
  weight: usize, // [3·hidden, hidden] f32, W_hh
  lengths: Lengths, // [batch] i32, or 0
  shape: RecurrentShape,
  from: i32,
  to: i32,
  scratch: usize, // recurrentScratch(to - from, hidden, 3)
): void {
  walkBackward<GRU>(dgates, h, dy, weight, lengths, shape, from, to, scratch);
}
