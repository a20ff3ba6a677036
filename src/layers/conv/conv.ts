import type { Use } from '../../graph/node.ts';
import { NULL } from '../../memory/memory.ts';
import { Leaf } from '../../module/leaf.ts';
import { kernels } from '../../runtime/engine.ts';
import { checkSize } from '../../tensor/check.ts';
import { initialize } from '../../tensor/init.ts';
import { optionsOf } from '../../tensor/options.ts';
import { Parameter } from '../../tensor/parameter.ts';
import { type Shape, shapeText } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import {
  checkFits,
  type Dimensions,
  type NumberOrPair,
  type Pair,
  pairText,
  reach,
} from '../axes.ts';
import type { Convolving } from './convolution.ts';
import {
  CONV_OPTIONS,
  type ConvGeometry,
  type ConvOptions,
  checkChannels,
  connectConvolution,
  ends,
  geometryOf,
  paddingOf,
  type Sides,
} from './geometry.ts';

export interface Conv1dOptions extends ConvOptions {
  /** Default 1. */
  stride?: number;
  /** Zeros on both sides, [before, after], or `'same'`: y is as long as x. Default 0. */
  padding?: number | readonly [before: number, after: number] | 'same';
  /** Distance between a kernel's taps. Default 1. */
  dilation?: number;
}

export interface Conv2dOptions extends ConvOptions {
  /** One number, or [vertical, horizontal]. Default 1. */
  stride?: NumberOrPair;
  /**
   * Zeros around the image: a number, [vertical, horizontal], [top, bottom, left, right], or `'same'`,
   * which keeps height and width. If an even kernel needs an odd number of zeros, the odd one goes to
   * the bottom and the right, as in PyTorch and TensorFlow. Default 0.
   */
  padding?: NumberOrPair | Sides | 'same';
  /** Distance between a kernel's taps: one number, or [vertical, horizontal]. Default 1. */
  dilation?: NumberOrPair;
}

export interface ConvMemo {
  readonly n: number;
  /** Output positions of an image or volume. */
  readonly plane: number;
  readonly convolution: Convolving;
}

/**
 * The base of all convolutions. The wasm kernels take images: a signal is an image of height 1, and
 * convolution3d.ts says how a volume is images.
 */
export abstract class Conv extends Leaf<ConvMemo> {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Zeros before and after each axis, one axis after another. */
  readonly padding: readonly number[];
  readonly groups: number;

  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    geometry: Pick<Conv, 'stride' | 'dilation' | 'padding' | 'groups'>,
    weightShape: Shape,
    { bias, init }: Required<Pick<ConvOptions, 'bias' | 'init'>>,
  ) {
    super();
    this.stride = geometry.stride;
    this.dilation = geometry.dilation;
    this.padding = geometry.padding;
    this.groups = geometry.groups;
    this.weight = new Parameter(Tensor.zeros(weightShape));
    this.bias = bias ? new Parameter(Tensor.zeros([outChannels])) : undefined;
    initialize(this.weight, this.bias, init);
    this.settle();
  }

  override get reluEpilogue() {
    return 'mask' as const;
  }

  run(use: Use<ConvMemo>): void {
    const { n, convolution } = use.memo;
    const bias = this.bias?.ptr ?? NULL;
    const { y, x, relu, scratch } = use;
    convolution.forward(y, x, this.weight.ptr, bias, relu, n, scratch);
  }

  runBackward(use: Use<ConvMemo>): void {
    const { n, plane, convolution } = use.memo;
    const { dx, dy, scratch } = use;
    const { outChannels, weight } = this;
    const db = use.gradient(this.bias);
    if (db) kernels().channelBiasBackward(db, dy, n, outChannels, plane, 0, outChannels);
    const dWeight = use.gradient(weight);
    if (dWeight) convolution.weightGradient(dWeight, dy, use.x, n, scratch);
    if (dx) convolution.inputGradient(dx, dy, weight.ptr, n, scratch);
  }
}

/** What Conv1d and Conv2d share. */
abstract class PlanarConv extends Conv {
  declare readonly stride: Pair;
  declare readonly dilation: Pair;
  declare readonly padding: Sides;
  protected abstract readonly dimensions: Dimensions;

  constructor(
    inChannels: number,
    outChannels: number,
    private readonly geometry: ConvGeometry,
    weightShape: Shape,
    options: Required<Pick<ConvOptions, 'bias' | 'init'>>,
  ) {
    super(inChannels, outChannels, geometry, weightShape, options);
  }

  /**
   * Output height and width for images [n, inChannels, h, w]. Reserves what the kernels need for them.
   *
   * @throws RangeError if the kernel does not fit the padded input
   */
  protected connectImages(use: Use<ConvMemo>, n: number, h: number, w: number): Pair {
    const { geometry, inChannels, outChannels } = this;
    const padded: Pair = [h + paddingOf(geometry, 0), w + paddingOf(geometry, 1)];
    const extent = (axis: 0 | 1) =>
      Math.floor((padded[axis] - reach(geometry, axis)) / geometry.stride[axis]) + 1;
    const out: Pair = [extent(0), extent(1)];
    checkFits(`${this}`, out, padded, geometry, this.dimensions);
    use.keeps({ input: this.weight.requiresGrad });
    const y = [outChannels, ...out] as const;
    const convolution = connectConvolution(use, geometry, [inChannels, h, w], y);
    use.memo = { n, plane: out[0] * out[1], convolution };
    return out;
  }
}

/**
 * y[n, o, i, j] = b[o] + Σ_{c, u, v} weight[o, c, u, v] · x[n, c, i·s − p + u·d, j·s − p + v·d]
 *
 * with x zero outside the image. This is convolution as in neural networks, which mathematics calls
 * cross-correlation.
 *
 * ```ts
 * const conv = new Conv2d(1, 24, 6, { padding: 'same', bias: false });
 * conv.forward(images);                    // [N, 1, 28, 28] → [N, 24, 28, 28]
 * ```
 *
 * Shapes: x [N, inChannels, H, W] → y [N, outChannels, H', W'] with
 * H' = ⌊(H + padding − dilation·(kernel − 1) − 1)/stride⌋ + 1; `weight` [outChannels,
 * inChannels/groups, kernel height, kernel width], `bias` [outChannels]. As PyTorch's `nn.Conv2d`.
 *
 * @throws RangeError for sizes and options that are not whole numbers, for groups that do not divide
 *   both channel counts, for `'same'` with a stride, and in forward for an input of another rank or
 *   channel count or smaller than the kernel, padding included
 */
export class Conv2d extends PlanarConv {
  readonly kernelSize: Pair;
  protected readonly dimensions = 2;

  /** @param kernelSize one number, or [height, width] */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: NumberOrPair,
    ...rest: [options?: Conv2dOptions | undefined]
  ) {
    const options = optionsOf('Conv2d', rest, CONV_OPTIONS);
    const geometry = geometryOf('Conv2d', inChannels, outChannels, kernelSize, options);
    const { kernel, groups } = geometry;
    super(
      inChannels,
      outChannels,
      geometry,
      [outChannels, inChannels / groups, ...kernel],
      options,
    );
    this.kernelSize = kernel;
  }

  connect(use: Use<ConvMemo>, shape: Shape): Shape {
    if (shape.length !== 4 || shape[1] !== this.inChannels) {
      throw new RangeError(
        `${this}: input expected [N, ${this.inChannels}, H, W], got ${shapeText(shape)}`,
      );
    }
    const [n, , h, w] = shape as [number, number, number, number];
    return [n, this.outChannels, ...this.connectImages(use, n, h, w)];
  }

  override toString(): string {
    return `Conv2d(${this.inChannels}, ${this.outChannels}, ${pairText(this.kernelSize)})`;
  }
}

/**
 * y[n, o, i] = b[o] + Σ_{c, u} weight[o, c, u] · x[n, c, i·s − p + u·d], with x zero outside the signal.
 *
 * ```ts
 * const conv = new Conv1d(16, 32, 5, { padding: 2 });
 * conv.forward(signals);                   // [N, 16, L] → [N, 32, L]
 * ```
 *
 * Shapes: x [N, inChannels, L] → y [N, outChannels, L'] with
 * L' = ⌊(L + padding − dilation·(kernel − 1) − 1)/stride⌋ + 1; `weight` [outChannels,
 * inChannels/groups, kernel], `bias` [outChannels]. As PyTorch's `nn.Conv1d`.
 *
 * @throws RangeError as Conv2d
 */
export class Conv1d extends PlanarConv {
  readonly kernelSize: number;
  protected readonly dimensions = 1;

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number,
    ...rest: [options?: Conv1dOptions | undefined]
  ) {
    const who = 'Conv1d';
    const options = optionsOf(who, rest, CONV_OPTIONS);
    const { stride = 1, dilation = 1, padding = 0 } = options;
    checkSize(who, 'kernelSize', kernelSize);
    checkSize(who, 'stride', stride);
    checkSize(who, 'dilation', dilation);
    const geometry: ConvGeometry = {
      kernel: [1, kernelSize],
      stride: [1, stride],
      dilation: [1, dilation],
      padding: ends(who, padding, kernelSize, stride, dilation),
      groups: checkChannels(who, inChannels, outChannels, options.groups),
    };
    const shape = [outChannels, inChannels / geometry.groups, kernelSize];
    super(inChannels, outChannels, geometry, shape, options);
    this.kernelSize = kernelSize;
  }

  connect(use: Use<ConvMemo>, shape: Shape): Shape {
    if (shape.length !== 3 || shape[1] !== this.inChannels) {
      throw new RangeError(
        `${this}: input expected [N, ${this.inChannels}, L], got ${shapeText(shape)}`,
      );
    }
    const [n, , length] = shape as [number, number, number];
    return [n, this.outChannels, this.connectImages(use, n, 1, length)[1]];
  }

  override toString(): string {
    return `Conv1d(${this.inChannels}, ${this.outChannels}, ${this.kernelSize})`;
  }
}
