/** Options with a value for each axis, for layers that slide a kernel over one or two axes. */
import { checkSize, MAX_SIZE } from '../tensor/check.ts';
import { shapeText } from '../tensor/shape.ts';

/** A value for each axis, vertical first. */
export type Pair = readonly [vertical: number, horizontal: number];

/** One number for both axes, or `[vertical, horizontal]`. */
export type NumberOrPair = number | Pair;

/** How many axes a layer slides over. */
export type Dimensions = 1 | 2;

/**
 * An option as a pair. One number counts for each of the layer's axes. The wasm kernels take images only: a
 * layer of one dimension works on images of height 1, and its vertical value is `missing`.
 *
 * @throws RangeError unless there is a number for each axis, a whole one from `least` to 2³⁰
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
  for (const entry of list) checkSize(who, name, entry, least);
  return dimensions === 1 ? [missing, list[0]!] : [list[0]!, list[1]!];
}

/** How a kernel moves over a plane. */
interface Steps {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
}

/** How many positions a kernel covers along an axis, including the gaps of its dilation. */
export function reach({ kernel, dilation }: Omit<Steps, 'stride'>, axis: 0 | 1): number {
  return dilation[axis] * (kernel[axis] - 1) + 1;
}

/** How a kernel moves, in the fields of ConvShape and PoolShape. */
export function stepSizes({
  kernel: [kernelH, kernelW],
  stride: [strideH, strideW],
  dilation: [dilationH, dilationW],
}: Steps) {
  return { kernelH, kernelW, strideH, strideW, dilationH, dilationW };
}

/** How a layer writes a pair: `3` for [3, 3], else `[3, 5]`. */
export function pairText(pair: Pair, dimensions: Dimensions = 2): string {
  return dimensions === 1 || pair[0] === pair[1] ? `${pair[1]}` : shapeText(pair);
}

/** A size in an error: `4×9`, or one number if the layer has one dimension. */
export function sizeText([height, width]: Pair, dimensions: Dimensions): string {
  return dimensions === 1 ? `${width}` : `${height}×${width}`;
}

/** @throws RangeError if the output is empty, because the kernel does not fit the padded input, or if both
 * are too large */
export function checkFits(
  who: string,
  out: Pair,
  padded: Pair,
  steps: Omit<Steps, 'stride'>,
  dimensions: Dimensions,
): void {
  if (Math.min(...out) >= 1) {
    checkArea(who, padded[0], padded[1]);
    checkArea(who, reach(steps, 0), reach(steps, 1));
    return;
  }
  const { kernel, dilation } = steps;
  const gaps = Math.max(...dilation) > 1 ? ` with dilation ${sizeText(dilation, dimensions)}` : '';
  throw new RangeError(
    `${who}: kernel expected to fit the padded input, ${sizeText(padded, dimensions)}, got ` +
      `${sizeText(kernel, dimensions)}${gaps}`,
  );
}

/**
 * Kernels count the positions of a padded input, and those that a kernel covers, in 32 bits.
 *
 * @throws RangeError for more than 2³⁰
 */
export function checkArea(who: string, height: number, width: number): void {
  if (height * width <= MAX_SIZE) return;
  throw new RangeError(
    `${who}: padded input and kernel expected to cover at most ${MAX_SIZE} positions, got ` +
      `${height}×${width}: use less padding or a smaller kernel`,
  );
}
