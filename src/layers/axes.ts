/** Options with a value for each axis, for layers that slide a kernel over one, two or three axes. */
import { checkSize, MAX_SIZE } from '../tensor/check.ts';
import { shapeText } from '../tensor/shape.ts';

/** A value for each axis, vertical first. */
export type Pair = readonly [vertical: number, horizontal: number];

/** One number for both axes, or `[vertical, horizontal]`. */
export type NumberOrPair = number | Pair;

/** A value for each axis of a volume. */
export type Triple = readonly [depth: number, vertical: number, horizontal: number];

/** One number for all three axes, or `[depth, vertical, horizontal]`. */
export type NumberOrTriple = number | Triple;

/** How many axes a layer slides over. */
export type Dimensions = 1 | 2 | 3;

/**
 * An option as a pair, for three dimensions as a triple. One number counts for each of the layer's axes. The wasm
 * kernels take images only: a layer of one dimension works on images of height 1, and its vertical value is
 * `missing`.
 *
 * @throws RangeError unless there is a number for each axis, a whole one from `least` to 2³⁰
 */
export function pairOf<P extends Pair | Triple = Pair>(
  who: string,
  name: string,
  value: number | P,
  dimensions: Dimensions,
  missing: number,
  least = 1,
): P {
  const list: readonly number[] = Array.isArray(value) ? value : Array(dimensions).fill(value);
  if (list.length !== dimensions) {
    throw new RangeError(
      `${who}: ${name} expected ${['one number', 'a number or a pair', 'a number or a triple'][dimensions - 1]}, ` +
        `got ${shapeText(list)}`,
    );
  }
  for (const entry of list) checkSize(who, name, entry, least);
  return (dimensions === 1 ? [missing, ...list] : [...list]) as never;
}

/** How a kernel moves over a plane or a volume. */
interface Steps<P = Pair> {
  readonly kernel: P;
  readonly stride: P;
  readonly dilation: P;
}

/** What a kernel covers. */
type Covered = Omit<Steps<readonly number[]>, 'stride'>;

/** How many positions a kernel covers along an axis, including the gaps of its dilation. */
export function reach({ kernel, dilation }: Covered, axis: number): number {
  return dilation[axis]! * (kernel[axis]! - 1) + 1;
}

/** How a kernel moves, in the fields of ConvShape and PoolShape. */
export function stepSizes({
  kernel: [kernelH, kernelW],
  stride: [strideH, strideW],
  dilation: [dilationH, dilationW],
}: Steps) {
  return { kernelH, kernelW, strideH, strideW, dilationH, dilationW };
}

/** How a layer writes a pair or triple: `3` for [3, 3], else `[3, 5]`. */
export function pairText(list: readonly number[], dimensions: Dimensions = 2): string {
  const own = list.slice(-dimensions);
  return own.every((entry) => entry === own[0]) ? `${own[0]}` : shapeText(own);
}

/** A size in an error: `4×9`, or one number if the layer has one dimension. */
export function sizeText(size: readonly number[], dimensions: Dimensions): string {
  return size.slice(-dimensions).join('×');
}

/** @throws RangeError if the output is empty, because the kernel does not fit the padded input, or if both
 * are too large */
export function checkFits(
  who: string,
  out: readonly number[],
  padded: readonly number[],
  steps: Covered,
  dimensions: Dimensions,
): void {
  if (Math.min(...out) >= 1) {
    checkArea(who, ...padded);
    checkArea(who, ...padded.map((_, axis) => reach(steps, axis)));
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
export function checkArea(who: string, ...size: number[]): void {
  if (size.reduce((area, extent) => area * extent) <= MAX_SIZE) return;
  throw new RangeError(
    `${who}: padded input and kernel expected to cover at most ${MAX_SIZE} positions, got ` +
      `${size.join('×')}: use less padding or a smaller kernel`,
  );
}
