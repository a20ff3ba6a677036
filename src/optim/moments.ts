import { aligned, Block, type Pointer } from '../memory/memory.ts';
import type { Parameter } from '../tensor/parameter.ts';

/** A parameter and what its optimizer keeps for it between steps. */
export interface Member {
  readonly parameter: Parameter;
  /** Updates it has had. */
  steps: number;
  /** Addresses of its moments by PyTorch's names. Each is as long as the parameter. */
  readonly moments: Record<string, Pointer>;
  /** Numbers by PyTorch's names, where they are no longer the first values. */
  readonly numbers: Record<string, number>;
}

/**
 * Allocates a moment of this name, filled with `first`, for the members that have none, all in one block.
 *
 * @returns the block, to be released with the optimizer; undefined if nothing was missing
 * @throws RangeError if memory cannot grow that far; nothing is changed then
 */
export function allocateMoments(
  members: readonly Member[],
  name: string,
  first: number,
): Block | undefined {
  const missing = members.filter(({ moments }) => !moments[name]);
  if (missing.length === 0) return undefined;
  const bytesOf = ({ parameter }: Member) => aligned(parameter.size * 4);
  const block = new Block(missing.reduce((sum, member) => sum + bytesOf(member), 0));
  block.f32.fill(first);
  let at: number = block.ptr;
  for (const member of missing) {
    member.moments[name] = at as Pointer;
    at += bytesOf(member);
  }
  return block;
}
