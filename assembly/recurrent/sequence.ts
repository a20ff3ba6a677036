/**
 * Where the states of a batch of sequences stand, and what the layer's output takes from them.
 *
 *   states [steps + 1, batch, hidden]   forward   0, h₀, h₁, …      in reverse   h₀, h₁, …, 0
 *
 * So the states before and after a step are neighbours, and the states before all steps are one matrix. Sequence n
 * ends after lengths[n] steps. Past its end a state is copied from step to step, which in reverse keeps it 0 up to
 * the sequence's last step.
 */
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
  /** 1 if the activation of a simple recurrent network is ReLU instead of tanh. */
  relu: i32;
  /** 1 if the output is the state after the last step alone. */
  last: i32;
}

/** Bytes of the states of all steps. */
export function bytesOfStates(shape: RecurrentShape): usize {
  return (<usize>(shape.steps + 1) * <usize>shape.batch * <usize>shape.hidden) << 2;
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

/**
 * y[t, n] = the state after step t, and 0 past a sequence's end; with `last`, y[n] = the state after the last step.
 * For sequences [from, to).
 */
export function recurrentOutput(
  y: usize, // [steps, batch, hidden] f32, or [batch, hidden] with `last`; overwritten
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
  if (shape.last) {
    const first = from * hidden;
    const end = stateAfter(states, shape, stepOf(shape, steps - 1));
    memory.copy(at(y, first), at(end, first), <usize>(to - from) * bytes);
    return;
  }
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

/** dh = 0, or with `last` the gradient of the last state; for sequences [from, to). */
export function startGradient(
  dh: usize, // [to - from, hidden] f32, overwritten
  dy: usize, // [steps, batch, hidden] f32, or [batch, hidden] with `last`
  shape: RecurrentShape,
  from: i32,
  to: i32,
): void {
  const hidden = shape.hidden;
  const bytes = (<usize>((to - from) * hidden)) << 2;
  if (shape.last) memory.copy(dh, at(dy, from * hidden), bytes);
  else memory.fill(dh, 0, bytes);
}

/** dh += dy_t for those of the sequences [from, to) that have step t; nothing with `last`. */
export function addOutputGradient(
  dh: usize, // [to - from, hidden] f32, added to
  dy: usize, // [steps, batch, hidden] f32
  lengths: Lengths, // [batch] i32, or 0
  shape: RecurrentShape,
  t: i32,
  from: i32,
  to: i32,
): void {
  if (shape.last) return;
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
