import type { Use } from '../../graph/node.ts';
import { NULL } from '../../memory/memory.ts';
import { Leaf } from '../../module/leaf.ts';
import { kernels } from '../../runtime/engine.ts';
import { type Shape, shapeText } from '../../tensor/check.ts';
import { type Init, initialize } from '../../tensor/init.ts';
import { Parameter } from '../../tensor/parameter.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { checkChannels, type Pair, pair, type Sides, sides } from './options.ts';

export interface ConvTranspose2dOptions {
  /** How far apart neighbouring inputs are spread: one number, or [vertical, horizontal]. Default 1. */
  stride?: number | Pair;
  /**
   * Lines that are cut off around the output: a number, [vertical, horizontal] or
   * [top, bottom, left, right]. It undoes the padding of a Conv2d with the same options. Default 0.
   */
  padding?: number | Pair | Sides;
  /**
   * Lines added below and to the right, where a strided Conv2d maps several sizes to one; smaller than
   * the stride or the dilation. Default 0.
   */
  outputPadding?: number | Pair;
  /** Distance between a kernel's taps. Default 1. */
  dilation?: number | Pair;
  /** Channels are cut into this many groups that do not see each other. Default 1. */
  groups?: number;
  /** Whether b is added. Default true; a batch norm that follows makes it superfluous. */
  bias?: boolean;
  /** How weight and bias start. Default PyTorch's U(±1/√(outChannels/groups·kernel)) for both. */
  init?: Init;
}

/** The sizes of one use. */
interface Sizes {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly outH: number;
  readonly outW: number;
}

/**
 * The transpose of Conv2d's linear map ("deconvolution"): each input is spread over the output, in the
 * kernel's shape,
 *
 *   y[n, o, i·s − p + u·d, j·s − p + v·d] += weight[c, o, u, v] · x[n, c, i, j],   then + b[o]
 *
 * It makes images larger: with a stride of 2, about twice as high and wide.
 *
 * ```ts
 * const up = new ConvTranspose2d(64, 32, 4, { stride: 2, padding: 1 });
 * up.forward(features);                    // [N, 64, 7, 7] → [N, 32, 14, 14]
 * ```
 *
 * Shapes: x [N, inChannels, H, W] → y [N, outChannels, H', W'] with
 * H' = (H − 1)·stride − padding + dilation·(kernel − 1) + outputPadding + 1, padding that of both sides;
 * `weight` [inChannels, outChannels/groups, kernel height, kernel width], `bias` [outChannels]. Forward
 * is the kernel of Conv2d's input gradient, and backward Conv2d's forward. As PyTorch's
 * `nn.ConvTranspose2d`.
 *
 * @throws RangeError for sizes and options that are not whole numbers, for groups that do not divide both
 *   channel counts, for an outputPadding not smaller than stride or dilation, and in forward for an input
 *   of another rank or channel count, or of which the padding leaves nothing
 */
export class ConvTranspose2d extends Leaf {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Sides;
  readonly outputPadding: Pair;
  readonly dilation: Pair;
  readonly groups: number;

  /** @param kernelSize one number, or [height, width] */
  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    kernelSize: number | Pair,
    options: ConvTranspose2dOptions = {},
  ) {
    super();
    const who = 'ConvTranspose2d';
    const { padding = 0, outputPadding = 0, bias = true, init = 'default' } = options;
    const kernel = pair(who, 'kernelSize', kernelSize);
    const stride = pair(who, 'stride', options.stride ?? 1);
    const dilation = pair(who, 'dilation', options.dilation ?? 1);
    if ((padding as unknown) === 'same') {
      throw new TypeError(
        `${who}: padding expected in numbers, got 'same': for an output of stride times the input's ` +
          'size, padding is half of dilation·(kernel − 1) + 1 − stride',
      );
    }
    this.groups = checkChannels(who, inChannels, outChannels, options.groups ?? 1);
    this.padding = sides(who, padding, { kernel, stride, dilation });
    this.outputPadding = pair(who, 'outputPadding', outputPadding, 0);
    for (const [axis, extra] of this.outputPadding.entries()) {
      if (extra < Math.max(stride[axis]!, dilation[axis]!)) continue;
      throw new RangeError(
        `${who}: outputPadding expected below the stride or the dilation, ` +
          `${Math.max(stride[axis]!, dilation[axis]!)}, got ${extra}`,
      );
    }
    this.kernelSize = kernel;
    this.stride = stride;
    this.dilation = dilation;
    this.weight = new Parameter(Tensor.zeros([inChannels, outChannels / this.groups, ...kernel]));
    this.bias = bias ? new Parameter(Tensor.zeros([outChannels])) : undefined;
    initialize(this.weight, this.bias, init);
  }

  connect(use: Use, shape: Shape): Shape {
    const { inChannels, outChannels, kernelSize, stride, padding, dilation, groups } = this;
    if (shape.length !== 4 || shape[1] !== inChannels) {
      throw new RangeError(
        `${this}: input expected [N, ${inChannels}, H, W], got ${shapeText(shape)}`,
      );
    }
    const [n, , h, w] = shape as [number, number, number, number];
    const outH = this.extent(0, h);
    const outW = this.extent(1, w);
    if (outH < 1 || outW < 1) {
      throw new RangeError(
        `${this}: padding expected to leave something of the output, got ${outH}×${outW}`,
      );
    }
    const { conv2dForwardScratch, conv2dInputGradientScratch, conv2dWeightGradientScratch } =
      kernels();
    const window = [...kernelSize, ...stride, ...dilation, groups] as const;
    use.keeps({ input: this.weight.requiresGrad });
    use.reserveScratch(
      conv2dInputGradientScratch(
        outChannels,
        outH,
        outW,
        inChannels,
        ...kernelSize,
        ...stride,
        padding[0],
        padding[2],
        ...dilation,
        groups,
      ),
    );
    use.reserveScratch(conv2dForwardScratch(outChannels, inChannels, h, w, ...window));
    use.reserveScratch(conv2dWeightGradientScratch(outChannels, inChannels, h, w, ...window));
    use.memo = { n, h, w, outH, outW } satisfies Sizes;
    return [n, outChannels, outH, outW];
  }

  run(use: Use): void {
    const { outChannels, weight, bias } = this;
    const { n, outH, outW } = use.memo as Sizes;
    const { conv2dInputGradient, channelBiasForward } = kernels();
    conv2dInputGradient(use.y, use.x, weight.ptr, ...this.transposed(use), 0, n, use.scratch);
    if (bias) channelBiasForward(use.y, bias.ptr, outChannels, outH * outW, 0, 0, n);
  }

  /** dx = the convolution of dy, dW += that of dy with x as its gradient, db += Σ dy. */
  runBackward(use: Use): void {
    const { outChannels, weight, bias, groups, kernelSize } = this;
    const { n, outH, outW } = use.memo as Sizes;
    const { conv2dForward, conv2dWeightGradient, channelBiasBackward } = kernels();
    const { dx, dy, x, scratch } = use;
    const db = use.gradient(bias);
    if (db) channelBiasBackward(db, dy, n, outChannels, outH * outW, 0, outChannels);
    const dWeight = use.gradient(weight);
    if (dWeight) {
      const taps = (outChannels / groups) * kernelSize[0] * kernelSize[1];
      conv2dWeightGradient(dWeight, x, dy, n, ...this.transposed(use), 0, taps, scratch);
    }
    if (dx) conv2dForward(dx, dy, weight.ptr, NULL, ...this.transposed(use), 0, 0, n, scratch);
  }

  override toString(): string {
    const [height, width] = this.kernelSize;
    const kernel = height === width ? height : `[${height}, ${width}]`;
    return `ConvTranspose2d(${this.inChannels}, ${this.outChannels}, ${kernel})`;
  }

  /** The sizes of the convolution that this is the transpose of: it maps y's shape to x's. */
  private transposed(use: Use) {
    const { inChannels, outChannels, kernelSize, stride, padding, dilation, groups } = this;
    const { h, w, outH, outW } = use.memo as Sizes;
    const images = [outChannels, outH, outW, inChannels, h, w] as const;
    const corner = [padding[0], padding[2]] as const;
    return [...images, ...kernelSize, ...stride, ...corner, ...dilation, groups] as const;
  }

  /** Output height or width for an input's. */
  private extent(axis: 0 | 1, size: number): number {
    const { kernelSize, stride, padding, outputPadding, dilation } = this;
    const reach = dilation[axis] * (kernelSize[axis] - 1) + 1;
    const cut = padding[2 * axis]! + padding[2 * axis + 1]!;
    return (size - 1) * stride[axis] - cut + reach + outputPadding[axis];
  }
}
