import { checkInteger, type Shape, shapeText } from '../../tensor/check.ts';

/** A value for each direction, vertical first. */
export type Pair = readonly [number, number];

/** One number for both directions, or `[vertical, horizontal]`. */
export type NumberOrPair = number | Pair;

/** A window that slides over the last axes. */
export interface WindowOptions {
  kernel: Pair;
  stride: Pair;
  padding: Pair;
  dilation: Pair;
  ceilMode: boolean;
}

/** How many axes a layer slides over. */
export type Dimensions = 1 | 2;

/**
 * A layer's argument as a pair: a number counts for each of `dimensions`, and a layer of one
 * dimension runs as rows of height 1, where `missing` stands for the vertical.
 *
 * @throws RangeError unless each is a whole number ≥ `least`
 */
export function pairOf(
  who: string,
  name: string,
  value: NumberOrPair,
  dimensions: Dimensions,
  missing: number,
  least = 1,
): Pair {
  const list: readonly number[] = Array.isArray(value) ? value : Array(dimensions).fill(value);
  if (list.length !== dimensions) {
    throw new RangeError(
      `${who}: ${name} expected ${dimensions === 1 ? 'one number' : 'a number or a pair'}, ` +
        `got ${shapeText(list)}`,
    );
  }
  for (const entry of list) checkInteger(who, name, entry, least);
  return dimensions === 1 ? [missing, list[0]!] : [list[0]!, list[1]!];
}

/**
 * The window of a pooling layer from its arguments.
 *
 * @throws RangeError for sizes below 1 and padding beyond half the kernel
 */
export function windowOptions(
  who: string,
  dimensions: Dimensions,
  kernelSize: NumberOrPair,
  options: {
    stride?: NumberOrPair;
    padding?: NumberOrPair;
    dilation?: NumberOrPair;
    ceilMode?: boolean;
  },
): WindowOptions {
  const { stride = kernelSize, padding = 0, dilation = 1, ceilMode = false } = options;
  const window = {
    kernel: pairOf(who, 'kernelSize', kernelSize, dimensions, 1),
    stride: pairOf(who, 'stride', stride, dimensions, 1),
    padding: pairOf(who, 'padding', padding, dimensions, 0, 0),
    dilation: pairOf(who, 'dilation', dilation, dimensions, 1),
    ceilMode,
  };
  for (const d of [0, 1] as const) {
    if (2 * window.padding[d] > window.kernel[d]) {
      throw new RangeError(
        `${who}: padding expected at most half the kernel (${pairText(window.kernel, dimensions)}), ` +
          `got ${pairText(window.padding, dimensions)}`,
      );
    }
  }
  return window;
}

/** `3, stride=2, padding=1`: what differs from the defaults. */
export function windowText(window: WindowOptions, dimensions: Dimensions): string {
  const { kernel, stride, padding, dilation, ceilMode } = window;
  const parts = [pairText(kernel, dimensions)];
  if (!same(stride, kernel)) parts.push(`stride=${pairText(stride, dimensions)}`);
  if (!same(padding, [0, 0])) parts.push(`padding=${pairText(padding, dimensions)}`);
  if (!same(dilation, [1, 1])) parts.push(`dilation=${pairText(dilation, dimensions)}`);
  if (ceilMode) parts.push('ceilMode=true');
  return parts.join(', ');
}

function same(a: Pair, b: Pair): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

/** How a layer writes a pair: `3` where both are, else `[3, 5]`. */
export function pairText(pair: Pair, dimensions: Dimensions): string {
  return dimensions === 1 || pair[0] === pair[1] ? `${pair[1]}` : shapeText(pair);
}

/**
 * Planes, height and width of an input [N, C, W] or [N, C, H, W].
 *
 * @throws RangeError for another rank
 */
export function planesOf(
  who: string,
  shape: Shape,
  dimensions: Dimensions,
): { planes: number; size: Pair } {
  if (shape.length !== dimensions + 2) {
    const expected = dimensions === 1 ? '[N, C, L]' : '[N, C, H, W]';
    throw new RangeError(`${who}: input expected ${expected}, got ${shapeText(shape)}`);
  }
  const size: Pair = dimensions === 1 ? [1, shape[2]!] : [shape[2]!, shape[3]!];
  return { planes: shape[0]! * shape[1]!, size };
}

/** The output's shape: the input's with other last axes. */
export function withSize(shape: Shape, size: Pair, dimensions: Dimensions): Shape {
  return [shape[0]!, shape[1]!, ...size.slice(2 - dimensions)];
}

/**
 * How many windows fit along each direction,
 *
 * ⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1
 *
 * or with `ceilMode` the ceiling, less a window that would start in the right padding.
 *
 * @throws RangeError where none fits
 */
export function windowsIn(
  who: string,
  size: Pair,
  { kernel, stride, padding, dilation, ceilMode }: WindowOptions,
  dimensions: Dimensions,
): Pair {
  const count = (d: 0 | 1): number => {
    const room = size[d] + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1;
    if (!ceilMode) return Math.floor(room / stride[d]) + 1;
    const windows = Math.ceil(room / stride[d]) + 1;
    return (windows - 1) * stride[d] >= size[d] + padding[d] ? windows - 1 : windows;
  };
  const windows: Pair = [count(0), count(1)];
  if (windows[0] < 1 || windows[1] < 1) {
    throw new RangeError(
      `${who}: input of ${extent(size, dimensions)} is too small for the window: the output ` +
        `would be ${extent(windows, dimensions)}`,
    );
  }
  return windows;
}

function extent(size: Pair, dimensions: Dimensions): string {
  return dimensions === 1 ? `${size[1]}` : `${size[0]} × ${size[1]}`;
}
