/** The three cells: which kernels compute the steps of a sequence, and what they keep. */
import type { Pointer } from '../../memory/memory.ts';
import { extra } from '../../runtime/extra.ts';
import type { Shape } from '../../tensor/shape.ts';

/** The addresses of a pass. */
export interface Step {
  readonly h: Pointer;
  readonly gates: Pointer;
  readonly more: Pointer;
  readonly dy: Pointer;
  readonly weight: Pointer;
  readonly bias: Pointer;
  readonly lengths: Pointer<'Lengths'>;
  readonly shape: Pointer<'RecurrentShape'>;
  readonly relu: number;
  readonly last: number;
  readonly batch: number;
  readonly scratch: Pointer;
}

export interface Cell {
  /** Numbers of the gates for each number of a state. */
  readonly gates: number;
  /** The shape of what it keeps beside states and gates. */
  readonly saves?: (steps: number, batch: number, hidden: number) => Shape;
  forward(step: Step): void;
  /** Writes the gates' gradient over the gates. */
  backward(step: Step): void;
  /** The gradient of h·W_hhᵀ, if it is another than that of the gates. */
  gradientOfStates?(step: Step): Pointer;
}

export const rnn: Cell = {
  gates: 1,
  forward({ h, gates, weight, bias, lengths, shape, relu, batch, scratch }) {
    extra().rnnForward(h, gates, weight, bias, lengths, shape, relu, 0, batch, scratch);
  },
  backward({ h, gates, dy, weight, lengths, shape, relu, last, batch, scratch }) {
    extra().rnnBackward(gates, h, dy, weight, lengths, shape, relu, last, 0, batch, scratch);
  },
};

/** Keeps the cells before and after each step. */
export const lstm: Cell = {
  gates: 4,
  saves: (steps, batch, hidden) => [steps + 1, batch, hidden],
  forward({ h, gates, more, weight, bias, lengths, shape, batch, scratch }) {
    extra().lstmForward(h, more, gates, weight, bias, lengths, shape, 0, batch, scratch);
  },
  backward({ gates, more, dy, weight, lengths, shape, last, batch, scratch }) {
    extra().lstmBackward(gates, more, dy, weight, lengths, shape, last, 0, batch, scratch);
  },
};

/** Keeps h·W_hhᵀ + b_hh, because the reset gate multiplies a part of it. */
export const gru: Cell = {
  gates: 3,
  saves: (steps, batch, hidden) => [steps, batch, 3 * hidden],
  forward({ h, gates, more, weight, bias, lengths, shape, batch, scratch }) {
    extra().gruForward(h, gates, more, weight, bias, lengths, shape, 0, batch, scratch);
  },
  backward({ h, gates, more, dy, weight, lengths, shape, last, batch, scratch }) {
    extra().gruBackward(gates, more, h, dy, weight, lengths, shape, last, 0, batch, scratch);
  },
  gradientOfStates: ({ more }) => more,
};
