/** The simple recurrent network (Elman, 1990): h_t = f(a_t + h_(t−1)·W_hhᵀ + b_hh), f = tanh or ReLU. */
import { reluBackward, reluForward } from '../activation/relu';
import { tanhBackward, tanhForward } from '../activation/tanh';
import { Cell, walkBackward, walkForward } from './cell';
import { Lengths, RecurrentShape } from './sequence';

@unmanaged
class RNN extends Cell {
  gates(): i32 {
    return 1;
  }

  hasCellStates(): bool {
    return false;
  }

  hasProducts(): bool {
    return false;
  }

  forward(after: usize, gates: usize, before: usize, behind: usize, shape: RecurrentShape): void {
    if (shape.relu) reluForward(after, gates, 0, shape.hidden);
    else tanhForward(after, gates, 0, shape.hidden);
  }

  /** da = dh·f′, from h: dh·(1 − h²), or dh where h > 0. */
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
    if (shape.relu) reluBackward(dgates, after, dh, 0, hidden);
    else tanhBackward(dgates, after, dh, 0, hidden);
    memory.fill(dh, 0, (<usize>hidden) << 2);
  }
}

/** The states of sequences [from, to). */
export function rnnForward(
  h: usize, // [steps + 1, batch, hidden] f32, overwritten
  gates: usize, // [steps, batch, hidden] f32, a; overwritten
  weight: usize, // [hidden, hidden] f32, W_hh
  bias: usize, // [hidden] f32, b_hh, or 0
  lengths: Lengths, // [batch] i32, or 0
  shape: RecurrentShape,
  from: i32,
  to: i32,
  scratch: usize, // recurrentScratch(to - from, hidden, 1)
): void {
  walkForward<RNN>(h, gates, weight, bias, lengths, shape, from, to, scratch);
}

/** The gradient of a. */
export function rnnBackward(
  dgates: usize, // [steps, batch, hidden] f32, overwritten
  h: usize, // [steps + 1, batch, hidden] f32
  dy: usize, // [steps, batch, hidden] f32, or [batch, hidden] with `last`
  weight: usize, // [hidden, hidden] f32, W_hh
  lengths: Lengths, // [batch] i32, or 0
  shape: RecurrentShape,
  from: i32,
  to: i32,
  scratch: usize, // recurrentScratch(to - from, hidden, 1)
): void {
  walkBackward<RNN>(dgates, h, dy, weight, lengths, shape, from, to, scratch);
}
