/** The three cells: their sizes, and the kernels that compute the steps of a sequence. */
import type { Kernels } from '../../generated/kernels.ts';
import { extra } from '../../runtime/extra.ts';

export interface Cell {
  /** Numbers of the gates for each number of a state. */
  readonly gates: number;
  /** States of a step: h, or h and c. */
  readonly states: 1 | 2;
  /** Whether h·W_hhᵀ + b_hh stands behind the gates instead of being added to them. */
  readonly products: boolean;
  /** The kernels; all cells have the same arguments. */
  forward(): Kernels['rnnForward'];
  backward(): Kernels['rnnBackward'];
}

export const rnn: Cell = {
  gates: 1,
  states: 1,
  products: false,
  forward: () => extra().rnnForward,
  backward: () => extra().rnnBackward,
};

export const lstm: Cell = {
  gates: 4,
  states: 2,
  products: false,
  forward: () => extra().lstmForward,
  backward: () => extra().lstmBackward,
};

/** Its reset gate multiplies a part of the products. */
export const gru: Cell = {
  gates: 3,
  states: 1,
  products: true,
  forward: () => extra().gruForward,
  backward: () => extra().gruBackward,
};
