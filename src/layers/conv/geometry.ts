/**
 * The geometry of a convolution: reads and checks its options, and computes the sizes that its kernels
 * take. Conv1d, Conv2d and ConvTranspose2d share it.
 */
import type { Use } from '../../graph/node.ts';
import { checkInteger, checkSize, describe } from '../../tensor/check.ts';
import type { Init } from '../../tensor/init.ts';
import { shapeText } from '../../tensor/shape.ts';
import { type NumberOrPair, type Pair, pairOf, stepSizes } from '../axes.ts';
import { Convolution } from './convolution.ts';

export type Sides = readonly [top: number, bottom: number, left: number, right: number];

/** The options that all convolutions have. */
export interface ConvOptions {
  /** The channels are cut into this many groups; each output channel reads only its own group. Default 1. */
  groups?: number;
  /** Whether b is added. Default true; a batch norm that follows makes it superfluous. */
  bias?: boolean;
  /** How weight and bias are initialized. Default PyTorch's U(−1/√fan_in, 1/√fan_in) for both. */
  init?: Init;
}

/** The options of all convolutions, as `optionsOf` takes them. `geometryOf` checks the first three. */
export const CONV_OPTIONS = {
  stride: undefined,
  padding: undefined,
  dilation: undefined,
  groups: 1,
  bias: true,
  init: 'default',
} as const;

/** Everything about a convolution but its channels and the input's size. */
export interface ConvGeometry {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly padding: Sides;
  readonly groups: number;
}

/** Images [channels, h, w]. */
export type ImageShape = readonly [channels: number, h: number, w: number];

/**
 * The geometry of a two-dimensional convolution from its options.
 *
 * @throws RangeError for values that are not whole numbers, and for groups that do not divide both channel
 *   counts
 */
export function geometryOf(
  who: string,
  inChannels: number,
  outChannels: number,
  kernelSize: NumberOrPair,
  options: {
    stride: NumberOrPair | undefined;
    padding: NumberOrPair | Sides | 'same' | undefined;
    dilation: NumberOrPair | undefined;
    groups: number;
  },
): ConvGeometry {
  const pair = (name: string, value: NumberOrPair) => pairOf(who, name, value, 2, 1);
  const kernel = pair('kernelSize', kernelSize);
  const stride = pair('stride', options.stride ?? 1);
  const dilation = pair('dilation', options.dilation ?? 1);
  const padding = sides(who, options.padding ?? 0, { kernel, stride, dilation });
  const groups = checkChannels(who, inChannels, outChannels, options.groups);
  return { kernel, stride, dilation, padding, groups };
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

/** The padding of both sides of an axis. */
export function paddingOf({ padding }: ConvGeometry, axis: 0 | 1): number {
  return padding[2 * axis]! + padding[2 * axis + 1]!;
}

/**
 * The convolution from x to y of a use. A transposed convolution is described by the convolution that it is the
 * transpose of.
 */
export function connectConvolution(
  use: Use,
  geometry: ConvGeometry,
  [channels, h, w]: ImageShape,
  [outChannels, outH, outW]: ImageShape,
): Convolution {
  const { padding, groups } = geometry;
  const [top, , left] = padding;
  const images = { channels, h, w, outChannels, outH, outW };
  return new Convolution(use, { ...images, top, left, ...stepSizes(geometry), groups });
}

/** The zeros on each side of an image. */
function sides(
  who: string,
  padding: NumberOrPair | Sides | 'same',
  steps: Pick<ConvGeometry, 'kernel' | 'stride' | 'dilation'>,
): Sides {
  if (padding === 'same') return samePadding(who, steps) as unknown as Sides;
  const form = '[vertical, horizontal], [top, bottom, left, right]';
  const list = paddingList(who, padding, [2, 4], form);
  const [first, second = first, third, fourth] = list as [number, number?, number?, number?];
  if (third === undefined) return [first, first, second, second];
  return [first, second, third, fourth!];
}

/** The zeros before and after a signal, which is an image of height 1. */
export function ends(
  who: string,
  padding: number | readonly [before: number, after: number] | 'same',
  kernel: number,
  stride: number,
  dilation: number,
): Sides {
  if (padding === 'same') {
    const [before, after] = samePadding(who, {
      kernel: [kernel],
      stride: [stride],
      dilation: [dilation],
    });
    return [0, 0, before!, after!];
  }
  const [before, after = before] = paddingList(who, padding, [2], '[before, after]');
  return [0, 0, before!, after!];
}

/**
 * Padding that is not 'same' as a list: one number, or as many as one of `lengths`.
 *
 * @throws TypeError for anything else, RangeError for numbers that are not whole or below 0
 */
export function paddingList(
  who: string,
  padding: number | readonly number[],
  lengths: readonly number[],
  form: string,
): readonly number[] {
  const isList = Array.isArray(padding);
  if (typeof padding !== 'number' && !(isList && lengths.includes(padding.length))) {
    throw new TypeError(
      `${who}: padding expected a number, ${form} or 'same', ` +
        `got ${isList ? shapeText(padding) : describe(padding)}`,
    );
  }
  const list = isList ? (padding as readonly number[]) : [padding as number];
  for (const entry of list) checkSize(who, 'padding', entry, 0);
  return list;
}

/**
 * dilation·(kernel − 1) zeros for each axis: half of them before, and after it as many or one more.
 *
 * @throws RangeError for a stride
 */
export function samePadding(
  who: string,
  {
    kernel,
    stride,
    dilation,
  }: Readonly<Record<'kernel' | 'stride' | 'dilation', readonly number[]>>,
): number[] {
  const step = Math.max(...stride);
  if (step > 1) {
    throw new RangeError(
      `${who}: padding 'same' expected stride 1, got ${step}: give the padding in numbers`,
    );
  }
  return kernel.flatMap((taps, axis) => {
    const total = dilation[axis]! * (taps - 1);
    const before = Math.floor(total / 2);
    return [before, total - before];
  });
}
