/**
 * Long short-term memory (Hochreiter and Schmidhuber, 1997; with forget gates, Gers and others, 2000). With
 * a = x_t·W_ihᵀ + b_ih + h_(t−1)·W_hhᵀ + b_hh, four numbers for each of a state:
 *
 *   i = σ(a_i)   f = σ(a_f)   g = tanh(a_g)   o = σ(a_o)
 *   c_t = f·c_(t−1) + i·g
 *   h_t = o·tanh(c_t)
 */
import { sigmoidForward } from '../activation/sigmoid';
import { tanhForward } from '../activation/tanh';
import { Binary, zipInPlace } from '../elementwise';
import { at, loadVector, madd, storeVector } from '../lanes';
import { Cell, walkBackward, walkForward } from './cell';
import { Lengths, RecurrentShape } from './sequence';

@unmanaged
class Product extends Binary {
  of(u: v128, v: v128, a: v128, b: v128, c: v128): v128 {
    return f32x4.mul(u, v);
  }
}

@unmanaged
class LSTM extends Cell {
  gates(): i32 {
    return 4;
  }

  hasCellStates(): bool {
    return true;
  }

  hasProducts(): bool {
    return false;
  }

  forward(after: usize, gates: usize, before: usize, behind: usize, shape: RecurrentShape): void {
    const hidden = shape.hidden;
    const cell = at(gates, 2 * hidden);
    const output = at(cell, hidden);
    const c = after + behind;
    sigmoidForward(gates, gates, 0, 2 * hidden);
    tanhForward(cell, cell, 0, hidden);
    sigmoidForward(output, output, 0, hidden);
    let j = 0;
    for (; j + 4 <= hidden; j += 4) this.update(c, gates, before + behind, hidden, j, 4);
    if (j < hidden) this.update(c, gates, before + behind, hidden, j, hidden - j);
    tanhForward(after, c, 0, hidden);
    const none = f32x4.splat(0);
    zipInPlace<Product>(after, output, 0, hidden, none, none);
  }

  /** c_t = f·c_(t−1) + i·g for `count` numbers from j on. */
  private update(after: usize, gates: usize, before: usize, hidden: i32, j: i32, count: i32): void {
    const i = loadVector(at(gates, j), 0, count);
    const f = loadVector(at(gates, hidden + j), 0, count);
    const g = loadVector(at(gates, 2 * hidden + j), 0, count);
    const c = loadVector(at(before, j), 0, count);
    storeVector(at(after, j), madd(f, c, f32x4.mul(i, g)), count);
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
    const c = before + behind;
    tanhForward(scratch, after + behind, 0, hidden);
    let j = 0;
    for (; j + 4 <= hidden; j += 4) this.gradients(dgates, dh, dc, scratch, c, hidden, j, 4);
    if (j < hidden) this.gradients(dgates, dh, dc, scratch, c, hidden, j, hidden - j);
    memory.fill(dh, 0, (<usize>hidden) << 2);
  }

  /**
   * With u = tanh(c_t):
   *
   *   dc += dh·o·(1 − u²)
   *   da_i = dc·g·i·(1 − i)         da_f = dc·c_(t−1)·f·(1 − f)
   *   da_g = dc·i·(1 − g²)          da_o = dh·u·o·(1 − o)
   *   dc ← dc·f
   */
  private gradients(
    dgates: usize,
    dh: usize,
    dc: usize,
    tanh: usize,
    before: usize,
    hidden: i32,
    j: i32,
    count: i32,
  ): void {
    const one = f32x4.splat(1);
    const input = at(dgates, j);
    const forget = at(input, hidden);
    const cell = at(forget, hidden);
    const output = at(cell, hidden);
    const u = loadVector(at(tanh, j), 0, count);
    const d = loadVector(at(dh, j), 0, count);
    const o = loadVector(output, 0, count);
    const dO = f32x4.mul(f32x4.mul(d, u), f32x4.mul(o, f32x4.sub(one, o)));
    storeVector(output, dO, count);
    const du = f32x4.mul(f32x4.mul(d, o), f32x4.sub(one, f32x4.mul(u, u)));
    const e = f32x4.add(loadVector(at(dc, j), 0, count), du);
    const i = loadVector(input, 0, count);
    const g = loadVector(cell, 0, count);
    const di = f32x4.mul(f32x4.mul(e, g), f32x4.mul(i, f32x4.sub(one, i)));
    storeVector(input, di, count);
    const dg = f32x4.mul(f32x4.mul(e, i), f32x4.sub(one, f32x4.mul(g, g)));
    storeVector(cell, dg, count);
    const f = loadVector(forget, 0, count);
    const c = loadVector(at(before, j), 0, count);
    const df = f32x4.mul(f32x4.mul(e, c), f32x4.mul(f, f32x4.sub(one, f)));
    storeVector(forget, df, count);
    storeVector(at(dc, j), f32x4.mul(e, f), count);
  }
}

/** The states and cell states of sequences [from, to). */
export function lstmForward(
  h: usize, // [2, steps + 1, batch, hidden] f32, h and c; overwritten
  gates: usize, // [steps, batch, 4·hidden] f32, x_t·W_ihᵀ + b_ih; becomes i, f, g and o
  weight: usize, // [4·hidden, hidden] f32, W_hh
  bias: usize, // [4·hidden] f32, b_hh, or 0
  lengths: Lengths, // [batch] i32, or 0
  shape: RecurrentShape,
  from: i32,
  to: i32,
  scratch: usize, // recurrentScratch(to - from, hidden, 4)
): void {
  walkForward<LSTM>(h, gates, weight, bias, lengths, shape, from, to, scratch);
}

/** The gradient of a. */
export function lstmBackward(
  dgates: usize, // [steps, batch, 4·hidden] f32, i, f, g and o; overwritten
  h: usize, // [2, steps + 1, batch, hidden] f32, h and c
  dy: usize, // [steps, batch, hidden] f32, or [batch, hidden] with `last`
  weight: usize, // [4·hidden, hidden] f32, W_hh
  lengths: Lengths, // [batch] i32, or 0
  shape: RecurrentShape,
  from: i32,
  to: i32,
  scratch: usize, // recurrentScratch(to - from, hidden, 4)
): void {
  walkBackward<LSTM>(dgates, h, dy, weight, lengths, shape, from, to, scratch);
}
