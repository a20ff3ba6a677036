/**
 * The geometry of pooling: reads and checks options, and computes output sizes and the sizes that kernels
 * take.
 */
import type { PoolShape } from '../../generated/kernels.ts';
import { type Shape, shapeText } from '../../tensor/shape.ts';
import {
  checkFits,
  type Dimensions,
  type Pair,
  pairOf,
  pairText,
  reach,
  stepSizes,
  type Triple,
} from '../axes.ts';

/** The windows of a pooling over a plane or, with triples, over a volume. */
export interface PoolGeometry<P = Pair> {
  readonly kernel: P;
  readonly stride: P;
  readonly padding: P;
  readonly dilation: P;
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
export function poolGeometry<P extends Pair | Triple = Pair>(
  who: string,
  dimensions: Dimensions,
  kernelSize: number | P,
  options: {
    stride: number | P | undefined;
    padding: number | P | undefined;
    dilation?: number | P | undefined;
    ceilMode: boolean;
  },
): PoolGeometry<P> {
  const { stride = kernelSize, padding = 0, dilation = 1, ceilMode } = options;
  const geometry = {
    kernel: pairOf(who, 'kernelSize', kernelSize, dimensions, 1),
    stride: pairOf(who, 'stride', stride, dimensions, 1),
    padding: pairOf(who, 'padding', padding, dimensions, 0, 0),
    dilation: pairOf(who, 'dilation', dilation, dimensions, 1),
    ceilMode,
  };
  if (geometry.padding.some((zeros, d) => 2 * zeros > geometry.kernel[d]!)) {
    throw new RangeError(
      `${who}: padding expected at most half the kernel (${pairText(geometry.kernel, dimensions)}), ` +
        `got ${pairText(geometry.padding, dimensions)}`,
    );
  }
  return geometry;
}

/** How a layer writes its options: `3, stride=2, padding=1`, those that differ from the defaults. */
export function geometryText(
  geometry: PoolGeometry<readonly number[]>,
  dimensions: Dimensions,
): string {
  const text = (list: readonly number[]) => pairText(list, dimensions);
  const kernel = text(geometry.kernel);
  const parts = [kernel];
  const add = (name: string, value: string, usual: string) => {
    if (value !== usual) parts.push(`${name}=${value}`);
  };
  add('stride', text(geometry.stride), kernel);
  add('padding', text(geometry.padding), '0');
  add('dilation', text(geometry.dilation), '1');
  add('ceilMode', `${geometry.ceilMode}`, 'false');
  return parts.join(', ');
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
export function outputSize<P extends readonly number[]>(
  who: string,
  size: P,
  geometry: PoolGeometry<P>,
  dimensions: Dimensions,
): P {
  const { stride, padding, ceilMode } = geometry;
  const padded = size.map((extent, d) => extent + 2 * padding[d]!);
  const windows = padded.map((extent, d) => {
    const steps = (extent - reach(geometry, d)) / stride[d]!;
    if (!ceilMode) return Math.floor(steps) + 1;
    const most = Math.ceil(steps) + 1;
    return (most - 1) * stride[d]! >= size[d]! + padding[d]! ? most - 1 : most;
  });
  checkFits(who, windows, padded, geometry, dimensions);
  return windows as never;
}
