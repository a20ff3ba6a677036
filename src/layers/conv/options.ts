/** Reads and checks the options of Conv1d and Conv2d. */
import { checkInteger, describe, shapeText } from '../../tensor/check.ts';

export type Pair = readonly [height: number, width: number];
export type Sides = readonly [top: number, bottom: number, left: number, right: number];

/** Everything about a convolution but its channels and the input's size. */
export interface Window {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly padding: Sides;
  readonly groups: number;
}

/** @throws RangeError unless all are whole numbers ≥ 1 and `groups` divides both channel counts */
export function checkChannels(
  who: string,
  inChannels: number,
  outChannels: number,
  groups: number,
): number {
  checkInteger(who, 'inChannels', inChannels);
  checkInteger(who, 'outChannels', outChannels);
  checkInteger(who, 'groups', groups);
  if (inChannels % groups !== 0 || outChannels % groups !== 0) {
    throw new RangeError(
      `${who}: groups expected a divisor of inChannels ${inChannels} and of outChannels ` +
        `${outChannels}, got ${groups}`,
    );
  }
  return groups;
}

/** One number for both axes, or one for each. */
export function pair(who: string, name: string, value: number | Pair, least = 1): Pair {
  if (!Array.isArray(value)) {
    checkInteger(who, name, value as number, least);
    return [value as number, value as number];
  }
  if (value.length !== 2) {
    throw new RangeError(`${who}: ${name} expected a number or a pair, got ${shapeText(value)}`);
  }
  for (const entry of value) checkInteger(who, name, entry, least);
  return [value[0], value[1]];
}

/** The zeros on each side of an image. */
export function sides(
  who: string,
  padding: number | Pair | Sides | 'same',
  { kernel, stride, dilation }: Pick<Window, 'kernel' | 'stride' | 'dilation'>,
): Sides {
  if (padding === 'same') {
    checkUnstrided(who, Math.max(...stride));
    return [...same(kernel[0], dilation[0]), ...same(kernel[1], dilation[1])];
  }
  if (typeof padding === 'number') {
    checkInteger(who, 'padding', padding, 0);
    return [padding, padding, padding, padding];
  }
  if (!Array.isArray(padding) || (padding.length !== 2 && padding.length !== 4)) {
    throw new TypeError(
      `${who}: padding expected a number, [vertical, horizontal], [top, bottom, left, right] or ` +
        `'same', got ${Array.isArray(padding) ? shapeText(padding) : describe(padding)}`,
    );
  }
  for (const entry of padding) checkInteger(who, 'padding', entry, 0);
  const [first, second, third, fourth] = padding;
  return padding.length === 2
    ? [first, first, second, second]
    : [first, second, third as number, fourth as number];
}

/** The zeros before and after a signal, as an image of height 1. */
export function ends(
  who: string,
  padding: number | Pair | 'same',
  kernel: number,
  stride: number,
  dilation: number,
): Sides {
  if (padding === 'same') {
    checkUnstrided(who, stride);
    return [0, 0, ...same(kernel, dilation)];
  }
  if (typeof padding === 'number') {
    checkInteger(who, 'padding', padding, 0);
    return [0, 0, padding, padding];
  }
  if (!Array.isArray(padding) || padding.length !== 2) {
    throw new TypeError(
      `${who}: padding expected a number, [before, after] or 'same', got ` +
        `${Array.isArray(padding) ? shapeText(padding) : describe(padding)}`,
    );
  }
  for (const entry of padding) checkInteger(who, 'padding', entry, 0);
  return [0, 0, padding[0], padding[1]];
}

function checkUnstrided(who: string, stride: number): void {
  if (stride > 1) {
    throw new RangeError(
      `${who}: padding 'same' expected stride 1, got ${stride}: give the padding in numbers`,
    );
  }
}

/** dilation·(kernel − 1) zeros, half of them before, the odd one after. */
function same(kernel: number, dilation: number): [before: number, after: number] {
  const total = dilation * (kernel - 1);
  const before = Math.floor(total / 2);
  return [before, total - before];
}
