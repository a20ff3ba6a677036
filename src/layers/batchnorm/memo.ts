import type { Slot } from '../../graph/slot.ts';
import { offset, type Pointer } from '../../memory/memory.ts';
import type { Part } from './ghosts.ts';

/** What a use of the layer knows of its sizes, and keeps from its forward for its backward. */
export interface Memo {
  /** The batch in one; and as statistics of a batch are taken of it, in ghosts or also in one. */
  readonly whole: readonly Part[];
  readonly ghosts: readonly Part[];
  /** A row of C a part. */
  readonly shift: Slot;
  readonly delta: Slot;
  readonly invStd: Slot;
  readonly scale: Slot;
  readonly offset: Slot;
  /** r and d of batch renormalization. */
  readonly ratio: Slot | undefined;
  readonly drift: Slot | undefined;
  /** Whether `verify` has counted the mask's positions. */
  counted: boolean;
  /** Whether the last forward used the batch's own statistics, and the parts it went in. */
  batch: boolean;
  parts: readonly Part[];
}

/** What belongs to the channels of a part, [C] each, by the kernels' names. */
export interface Rows {
  readonly k: Pointer;
  /** δ. */
  readonly d: Pointer;
  /** 1/σ. */
  readonly r: Pointer;
  readonly a: Pointer;
  readonly b: Pointer;
}

export function rowsOf(memo: Memo, { index }: Part, c: number): Rows {
  const at = ({ ptr }: Slot) => offset(ptr, index * c);
  const { shift, delta, invStd, scale, offset: bias } = memo;
  return { k: at(shift), d: at(delta), r: at(invStd), a: at(scale), b: at(bias) };
}
