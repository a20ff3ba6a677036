/** The three cells: what they keep, and the kernels that compute the steps of a sequence. */
import type { Kernels } from '../../generated/kernels.ts';
import { extra } from '../../runtime/extra.ts';

/** The kernels of all cells have the same arguments. */
export interface Cell {
  /** Numbers of the gates for each number of a state. */
  readonly gates: number;
  /** Whether there are cell states c, which stand behind the states h. */
  readonly hasCellStates?: boolean;
  /** Whether the products b = h·W_hhᵀ + b_hh stand behind the gates; otherwise they are added to them. */
  readonly hasProducts?: boolean;
  forward(): Kernels['rnnForward'];
  backward(): Kernels['rnnBackward'];
}

export const rnn: Cell = {
  gates: 1,
  forward: () => extra().rnnForward,
  backward: () => extra().rnnBackward,
};

export const lstm: Cell = {
  gates: 4,
  hasCellStates: true,
  forward: () => extra().lstmForward,
  backward: () => extra().lstmBackward,
};

/** Its reset gate multiplies a part of the products. */
export const gru: Cell = {
  gates: 3,
  hasProducts: true,
  forward: () => extra().gruForward,
  backward: () => extra().gruBackward,
};
