/**
 * The geometry of pooling: reads and checks options, and computes output sizes and the sizes that kernels
 * take.
 */
import type { PoolShape } from '../../generated/kernels.ts';
import { type Shape, shapeText } from '../../tensor/shape.ts';
import {
  checkFits,
  type Dimensions,
  type NumberOrPair,
  type Pair,
  pairOf,
  pairText,
  reach,
  stepSizes,
} from '../axes.ts';

/** The windows of a pooling over a plane. */
export interface PoolGeometry {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  /** Whether windows may extend beyond the padded end. */
  readonly ceilMode: boolean;
}

/** The options of all poolings, as `optionsOf` takes them. `poolGeometry` checks the first two. */
export const POOL_OPTIONS = { stride: undefined, padding: undefined, ceilMode: false } as const;

/**
 * The geometry of a pooling layer from its options.
 *
 * @throws RangeError for sizes below 1 and padding beyond half the kernel
 */
export function poolGeometry(
  who: string,
  dimensions: Dimensions,
  kernelSize: NumberOrPair,
  options: {
    stride: NumberOrPair | undefined;
    padding: NumberOrPair | undefined;
    dilation?: NumberOrPair | undefined;
    ceilMode: boolean;
  },
): PoolGeometry {
  const { stride = kernelSize, padding = 0, dilation = 1, ceilMode } = options;
  const geometry = {
    kernel: pairOf(who, 'kernelSize', kernelSize, dimensions, 1),
    stride: pairOf(who, 'stride', stride, dimensions, 1),
    padding: pairOf(who, 'padding', padding, dimensions, 0, 0),
    dilation: pairOf(who, 'dilation', dilation, dimensions, 1),
    ceilMode,
  };
  for (const d of [0, 1] as const) {
    if (2 * geometry.padding[d] > geometry.kernel[d]) {
      throw new RangeError(
        `${who}: padding expected at most half the kernel (${pairText(geometry.kernel, dimensions)}), ` +
          `got ${pairText(geometry.padding, dimensions)}`,
      );
    }
  }
  return geometry;
}

/** How a layer writes its options: `3, stride=2, padding=1`, those that differ from the defaults. */
export function geometryText(geometry: PoolGeometry, dimensions: Dimensions): string {
  const { kernel, stride, padding, dilation, ceilMode } = geometry;
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

/** The output's shape: the input's with the last axes replaced. */
export function withSize(shape: Shape, size: Pair, dimensions: Dimensions): Shape {
  return [shape[0]!, shape[1]!, ...size.slice(2 - dimensions)];
}

/** The sizes of pooling as the kernels take them. `countIncludePad` matters to average pooling alone. */
export function poolShape(
  [h, w]: Pair,
  [outH, outW]: Pair,
  geometry: PoolGeometry,
  countIncludePad = false,
): PoolShape {
  const [top, left] = geometry.padding;
  const steps = stepSizes(geometry);
  return { h, w, outH, outW, top, left, ...steps, countIncludePad: Number(countIncludePad) };
}

/**
 * How many windows there are along each axis:
 *
 * ⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1
 *
 * or with `ceilMode` the ceiling, without a window that would begin in the padding at the end.
 *
 * @throws RangeError if there are none
 */
export function outputSize(
  who: string,
  size: Pair,
  geometry: PoolGeometry,
  dimensions: Dimensions,
): Pair {
  const { stride, padding, ceilMode } = geometry;
  const padded: Pair = [size[0] + 2 * padding[0], size[1] + 2 * padding[1]];
  const count = (d: 0 | 1): number => {
    const steps = (padded[d] - reach(geometry, d)) / stride[d];
    if (!ceilMode) return Math.floor(steps) + 1;
    const windows = Math.ceil(steps) + 1;
    return (windows - 1) * stride[d] >= size[d] + padding[d] ? windows - 1 : windows;
  };
  const windows: Pair = [count(0), count(1)];
  checkFits(who, windows, padded, geometry, dimensions);
  return windows;
}
