import type { Use } from '../../graph/node.ts';
import { optionsOf } from '../../tensor/options.ts';
import { type Shape, shapeText, sizeOf } from '../../tensor/shape.ts';
import {
  checkFits,
  type NumberOrTriple,
  type Pair,
  pairOf,
  pairText,
  reach,
  type Triple,
} from '../axes.ts';
import { Conv, type ConvMemo } from './conv.ts';
import { Convolution3d } from './convolution3d.ts';
import {
  CONV_OPTIONS,
  type ConvGeometry,
  type ConvOptions,
  checkChannels,
  connectConvolution,
  paddingList,
  samePadding,
} from './geometry.ts';

export type SixSides = readonly [
  front: number,
  back: number,
  top: number,
  bottom: number,
  left: number,
  right: number,
];

export interface Conv3dOptions extends ConvOptions {
  /** One number, or [depth, vertical, horizontal]. Default 1. */
  stride?: NumberOrTriple;
  /**
   * Zeros around the volume: a number, [depth, vertical, horizontal], [front, back, top, bottom, left, right], or
   * `'same'`, which keeps depth, height and width; an odd zero goes to the back, the bottom and the right. Default 0.
   */
  padding?: NumberOrTriple | SixSides | 'same';
  /** Distance between a kernel's taps: one number, or [depth, vertical, horizontal]. Default 1. */
  dilation?: NumberOrTriple;
}

/**
 * y[n, o, d, i, j] = b[o] + Σ_{c, t, u, v} weight[o, c, t, u, v] · x[n, c, d·s − p + t·e, i·s − p + u·e, j·s − p + v·e]
 *
 * with s the stride, p the padding and e the dilation of each axis, and x zero outside the volume.
 *
 * ```ts
 * const conv = new Conv3d(1, 16, 3, { padding: 1 });
 * conv.forward(scans);                     // [N, 1, 32, 64, 64] → [N, 16, 32, 64, 64]
 * ```
 *
 * It is computed as a convolution of images, whose channels are the slices that an output slice reads. Besides x and
 * y that takes some megabytes of memory; a kernel of 1 × 1 positions in a slice takes none.
 *
 * Shapes: x [N, inChannels, D, H, W] → y [N, outChannels, D', H', W'] with
 * D' = ⌊(D + padding − dilation·(kernel − 1) − 1)/stride⌋ + 1; `weight` [outChannels, inChannels/groups, kernel
 * depth, kernel height, kernel width], `bias` [outChannels]. As PyTorch's `nn.Conv3d`.
 *
 * @throws RangeError as Conv2d
 */
export class Conv3d extends Conv {
  readonly kernelSize: Triple;
  declare readonly stride: Triple;
  declare readonly dilation: Triple;
  declare readonly padding: SixSides;

  /** @param kernelSize one number, or [depth, height, width] */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: NumberOrTriple,
    ...rest: [options?: Conv3dOptions | undefined]
  ) {
    const who = 'Conv3d';
    const options = optionsOf(who, rest, CONV_OPTIONS);
    const triple = (name: string, value: NumberOrTriple) => pairOf(who, name, value, 3, 1);
    const kernel = triple('kernelSize', kernelSize);
    const stride = triple('stride', options.stride ?? 1);
    const dilation = triple('dilation', options.dilation ?? 1);
    const padding = sixSides(who, options.padding ?? 0, { kernel, stride, dilation });
    const groups = checkChannels(who, inChannels, outChannels, options.groups);
    super(
      inChannels,
      outChannels,
      { stride, dilation, padding, groups },
      [outChannels, inChannels / groups, ...kernel],
      options,
    );
    this.kernelSize = kernel;
  }

  connect(use: Use<ConvMemo>, shape: Shape): Shape {
    const { inChannels, outChannels, kernelSize: kernel, stride, dilation, padding, weight } = this;
    if (shape.length !== 5 || shape[1] !== inChannels) {
      throw new RangeError(
        `${this}: input expected [N, ${inChannels}, D, H, W], got ${shapeText(shape)}`,
      );
    }
    const [n, , ...size] = shape as [number, number, ...Triple];
    const padded = size.map((extent, d) => extent + padding[2 * d]! + padding[2 * d + 1]!);
    const steps = { kernel, stride, dilation };
    const out = padded.map(
      (extent, d) => Math.floor((extent - reach(steps, d)) / stride[d]!) + 1,
    ) as unknown as Triple;
    checkFits(`${this}`, out, padded, steps, 3);
    use.keeps({ input: weight.requiresGrad });
    use.memo = { n, plane: sizeOf(out), convolution: this.convolutionOf(use, n, size, out) };
    return [n, outChannels, ...out];
  }

  private convolutionOf(
    use: Use,
    n: number,
    [depth, h, w]: Triple,
    [outDepth, outH, outW]: Triple,
  ) {
    const { inChannels, outChannels, kernelSize, stride, dilation, padding, groups } = this;
    const [front, back, ...sides] = padding;
    const [slice, step] = [kernelSize.slice(1), stride.slice(1)];
    if (Math.max(...slice, ...step) === 1 && Math.max(...sides) === 0) {
      // A volume is then an image, whose rows are the slices.
      const geometry: ConvGeometry = {
        kernel: [kernelSize[0], 1],
        stride: [stride[0], 1],
        dilation: [dilation[0], 1],
        padding: [front, back, 0, 0],
        groups,
      };
      const y = [outChannels, outDepth, outH * outW] as const;
      return connectConvolution(use, geometry, [inChannels, depth, h * w], y);
    }
    const geometry: ConvGeometry = {
      kernel: slice as unknown as Pair,
      stride: step as unknown as Pair,
      dilation: dilation.slice(1) as unknown as Pair,
      padding: sides,
      groups,
    };
    const along = { kernel: kernelSize[0], stride: stride[0], dilation: dilation[0], front };
    return new Convolution3d(
      use,
      n,
      geometry,
      { ...along, depth, outDepth },
      [inChannels, h, w],
      [outChannels, outH, outW],
    );
  }

  override toString(): string {
    return `Conv3d(${this.inChannels}, ${this.outChannels}, ${pairText(this.kernelSize, 3)})`;
  }
}

/** The zeros before and after each axis of a volume. */
function sixSides(
  who: string,
  padding: NumberOrTriple | SixSides | 'same',
  steps: { kernel: Triple; stride: Triple; dilation: Triple },
): SixSides {
  if (padding === 'same') return samePadding(who, steps) as unknown as SixSides;
  const form = '[depth, vertical, horizontal], [front, back, top, bottom, left, right]';
  const list = paddingList(who, padding, [3, 6], form);
  if (list.length === 6) return list as SixSides;
  const each = list.length === 1 ? [0, 0, 0].fill(list[0]!) : list;
  return each.flatMap((zeros) => [zeros, zeros]) as unknown as SixSides;
}
