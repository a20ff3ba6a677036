/**
 * The gated recurrent unit (Cho and others, 2014, arXiv:1406.1078), as cuDNN and PyTorch have it: the reset gate
 * multiplies the product, not the state. With a = x_t·W_ihᵀ + b_ih and b = h_(t−1)·W_hhᵀ + b_hh:
 *
 *   r = σ(a_r + b_r)   z = σ(a_z + b_z)   n = tanh(a_n + r·b_n)
 *   h_t = (1 − z)·n + z·h_(t−1)
 */
import { sigmoidForward } from '../activation/sigmoid';
import { tanhForward } from '../activation/tanh';
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

  forward(
    after: usize,
    gates: usize,
    before: usize,
    behind: usize,
    shape: RecurrentShape,
  ): void {
    const hidden = shape.hidden;
    const both = 2 * hidden;
    const fresh = at(gates, both);
    let j = 0;
    for (; j + 4 <= both; j += 4) this.add(at(gates, j), at(gates + behind, j), 4);
    if (j < both) this.add(at(gates, j), at(gates + behind, j), both - j);
    sigmoidForward(gates, gates, 0, both);
    j = 0;
    for (; j + 4 <= hidden; j += 4) this.reset(at(fresh, j), at(gates, j), at(fresh + behind, j), 4);
    if (j < hidden) this.reset(at(fresh, j), at(gates, j), at(fresh + behind, j), hidden - j);
    tanhForward(fresh, fresh, 0, hidden);
    const update = at(gates, hidden);
    j = 0;
    for (; j + 4 <= hidden; j += 4) this.mix(at(after, j), at(update, j), at(fresh, j), at(before, j), 4);
    if (j < hidden) this.mix(at(after, j), at(update, j), at(fresh, j), at(before, j), hidden - j);
  }

  /** a + b */
  private add(a: usize, b: usize, count: i32): void {
    storeVector(a, f32x4.add(loadVector(a, 0, count), loadVector(b, 0, count)), count);
  }

  /** a_n + r·b_n */
  private reset(an: usize, r: usize, bn: usize, count: i32): void {
    const product = loadVector(bn, 0, count);
    storeVector(an, madd(loadVector(r, 0, count), product, loadVector(an, 0, count)), count);
  }

  /** (1 − z)·n + z·h = n + z·(h − n) */
  private mix(after: usize, update: usize, fresh: usize, before: usize, count: i32): void {
    const n = loadVector(fresh, 0, count);
    const h = loadVector(before, 0, count);
    storeVector(after, madd(loadVector(update, 0, count), f32x4.sub(h, n), n), count);
  }

  /**
   *   da_n = dh·(1 − z)·(1 − n²)    da_z = dh·(h_(t−1) − n)·z·(1 − z)    da_r = da_n·b_n·r·(1 − r)
   *   db = da, but db_n = da_n·r
   *   dh_(t−1) = dh·z + db·W_hh
   */
  backward(
    dgates: usize,
    dh: usize,
    dc: usize,
    after: usize,
    before: usize,
    behind: usize,
    spare: usize,
    shape: RecurrentShape,
  ): void {
    const hidden = shape.hidden;
    let j = 0;
    for (; j + 4 <= hidden; j += 4)
      this.gradients(at(dgates, j), at(dgates + behind, j), at(dh, j), at(before, j), hidden, 4);
    if (j < hidden)
      this.gradients(at(dgates, j), at(dgates + behind, j), at(dh, j), at(before, j), hidden, hidden - j);
  }

  private gradients(
    reset: usize,
    product: usize,
    dh: usize,
    before: usize,
    hidden: i32,
    count: i32,
  ): void {
    const one = f32x4.splat(1);
    const update = at(reset, hidden);
    const fresh = at(update, hidden);
    const productUpdate = at(product, hidden);
    const productFresh = at(productUpdate, hidden);
    const z = loadVector(update, 0, count);
    const n = loadVector(fresh, 0, count);
    const d = loadVector(dh, 0, count);
    const rest = f32x4.sub(one, z);
    const change = f32x4.sub(loadVector(before, 0, count), n);
    const dz = f32x4.mul(f32x4.mul(d, change), f32x4.mul(z, rest));
    storeVector(update, dz, count);
    storeVector(productUpdate, dz, count);
    storeVector(dh, f32x4.mul(d, z), count);
    const dn = f32x4.mul(f32x4.mul(d, rest), f32x4.sub(one, f32x4.mul(n, n)));
    storeVector(fresh, dn, count);
    const r = loadVector(reset, 0, count);
    const bn = loadVector(productFresh, 0, count);
    storeVector(productFresh, f32x4.mul(dn, r), count);
    const dr = f32x4.mul(f32x4.mul(dn, bn), f32x4.mul(r, f32x4.sub(one, r)));
    storeVector(reset, dr, count);
    storeVector(product, dr, count);
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
