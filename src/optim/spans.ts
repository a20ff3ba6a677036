import { Block, NULL, type Pointer, releaseWithOwner } from '../memory/memory.ts';
import type { Parameter } from '../tensor/parameter.ts';

/** A parameter as its optimizer knows it. */
export interface Member {
  readonly parameter: Parameter;
  /** Updates it has had. */
  steps: number;
  /** Whether the present step updates it. */
  active: boolean;
  /** Addresses of its moments by PyTorch's names, each as long as the parameter's padded block. */
  readonly state: Record<string, Pointer>;
}

/**
 * Parameters whose data, gradients and moments all stand one behind the other, updated by one call.
 * The padding between them is zero and every update keeps zero at zero.
 */
export interface Span {
  readonly data: Pointer;
  readonly grad: Pointer;
  readonly state: Readonly<Record<string, Pointer>>;
  /** Elements, padding between parameters included. */
  readonly length: number;
  readonly members: readonly Member[];
}

/**
 * Spans of the active members, in list order. Contiguity is discovered, never promised: neighbours
 * merge where all their addresses follow on and they have had the same number of steps.
 *
 * @param slots the names of the moments that the update uses
 * @param merge false keeps every parameter apart
 */
export function buildSpans(
  members: readonly Member[],
  slots: readonly string[],
  merge: boolean,
): Span[] {
  const spans: Span[] = [];
  let open: Member[] = [];
  const close = (): void => {
    const [first] = open;
    const last = open.at(-1);
    if (!first || !last) return;
    const { ptr: data, gradPtr: grad } = first.parameter;
    const length = (last.parameter.ptr - data) / 4 + last.parameter.size;
    spans.push({ data, grad, state: { ...first.state }, length, members: open });
    open = [];
  };
  for (const member of members) {
    if (!member.active) continue;
    const before = open.at(-1);
    if (before && !(merge && follows(before, member, slots))) close();
    open.push(member);
  }
  close();
  return spans;
}

function follows(a: Member, b: Member, slots: readonly string[]): boolean {
  const bytes = a.parameter.paddedBytes;
  return (
    a.steps === b.steps &&
    a.parameter.ptr + bytes === b.parameter.ptr &&
    a.parameter.gradPtr + bytes === b.parameter.gradPtr &&
    slots.every((name) => a.state[name]! + bytes === b.state[name])
  );
}

/**
 * Gives the members that lack it a moment of this name, zero, all in one block and in list order.
 *
 * @returns the block, to be released with the optimizer; undefined where nothing was missing
 * @throws RangeError where memory cannot grow that far; nothing is changed then
 */
export function allocateState(
  owner: object,
  members: readonly Member[],
  name: string,
): Block | undefined {
  const missing = members.filter(({ state }) => !state[name]);
  if (missing.length === 0) return undefined;
  const block = new Block(missing.reduce((sum, m) => sum + m.parameter.paddedBytes, 0));
  releaseWithOwner(owner, block);
  block.f32.fill(0);
  let at: number = block.ptr;
  for (const { parameter, state } of missing) {
    state[name] = at as Pointer;
    at += parameter.paddedBytes;
  }
  return block;
}

/** A moment's address; 0 where the update does not use it. */
export function slotOf(span: Span, name: string, used: boolean): Pointer {
  return used ? (span.state[name] ?? NULL) : NULL;
}
