import type { Use } from '../../graph/node.ts';
import { NULL } from '../../memory/memory.ts';
import { Leaf } from '../../module/leaf.ts';
import { kernels } from '../../runtime/engine.ts';
import { checkSize } from '../../tensor/check.ts';
import { type Init, initialize } from '../../tensor/init.ts';
import { optionsOf } from '../../tensor/options.ts';
import { Parameter } from '../../tensor/parameter.ts';
import { checkExtents, type Shape, shapeText } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import {
  checkArea,
  type NumberOrPair,
  type Pair,
  pairOf,
  pairText,
  reach,
  sizeText,
} from '../axes.ts';
import type { Convolution } from './convolution.ts';
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

export interface ConvTranspose2dOptions extends ConvOptions {
  /** Distance in the output between neighbouring inputs: one number, or [vertical, horizontal]. Default 1. */
  stride?: NumberOrPair;
  /**
   * Rows and columns that are cut off around the output: a number, [vertical, horizontal] or
   * [top, bottom, left, right]. It undoes the padding of a Conv2d with the same options. Default 0.
   */
  padding?: NumberOrPair | Sides;
  /**
   * Rows added below and columns added to the right, since a strided Conv2d maps several sizes to one.
   * Smaller than the stride or the dilation. Default 0.
   */
  outputPadding?: NumberOrPair;
  /** Distance between a kernel's taps. Default 1. */
  dilation?: NumberOrPair;
}

interface Memo {
  readonly n: number;
  /** Output positions of an image. */
  readonly plane: number;
  /** The convolution that this is the transpose of: it maps y's shape to x's. */
  readonly convolution: Convolution;
}

/** What transposed convolutions in one and two dimensions share: a signal is an image of height 1. */
abstract class ConvTranspose extends Leaf<Memo> {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly groups: number;

  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    private readonly geometry: ConvGeometry,
    private readonly extra: Pair,
    kernel: readonly number[],
    { bias, init }: { bias: boolean; init: Init },
  ) {
    super();
    this.groups = geometry.groups;
    for (const [axis, extra] of this.extra.entries()) {
      const limit = Math.max(geometry.stride[axis]!, geometry.dilation[axis]!);
      if (extra < limit) continue;
      throw new RangeError(
        `${this.constructor.name}: outputPadding expected below the stride or the dilation, ${limit}, got ${extra}`,
      );
    }
    this.weight = new Parameter(
      Tensor.zeros([inChannels, outChannels / geometry.groups, ...kernel]),
    );
    this.bias = bias ? new Parameter(Tensor.zeros([outChannels])) : undefined;
    initialize(this.weight, this.bias, init);
  }

  /** Plans the use on [n, inChannels, h, w], and returns the output's height and width. */
  protected connectImages(use: Use<Memo>, n: number, h: number, w: number): Pair {
    const { inChannels, outChannels, geometry } = this;
    const out: Pair = [this.extent(0, h), this.extent(1, w)];
    if (out[0] < 1 || out[1] < 1) {
      throw new RangeError(
        `${this}: padding expected to leave something of the output, got ${sizeText(out, this.dimensions)}`,
      );
    }
    checkExtents(`${this}: output`, [n, outChannels, ...out]);
    checkArea(`${this}`, out[0] + paddingOf(geometry, 0), out[1] + paddingOf(geometry, 1));
    use.keeps({ input: this.weight.requiresGrad });
    const y = [outChannels, ...out] as const;
    const convolution = connectConvolution(use, geometry, y, [inChannels, h, w]);
    use.memo = { n, plane: out[0] * out[1], convolution };
    return out;
  }

  protected abstract readonly dimensions: 1 | 2;

  /** y = the input gradient of the convolution, with x as its dy; then + b. */
  run(use: Use<Memo>): void {
    const { outChannels, weight, bias } = this;
    const { n, plane, convolution } = use.memo;
    convolution.inputGradient(use.y, use.x, weight.ptr, n, use.scratch);
    if (bias) kernels().channelBiasForward(use.y, bias.ptr, outChannels, plane, 0, 0, n);
  }

  /**
   * dx = the convolution of dy; dWeight += its weight gradient, with x as its dy and dy as its x;
   * db += Σ dy.
   */
  runBackward(use: Use<Memo>): void {
    const { outChannels, weight, bias } = this;
    const { n, plane, convolution } = use.memo;
    const { dx, dy, x, scratch } = use;
    const db = use.gradient(bias);
    if (db) kernels().channelBiasBackward(db, dy, n, outChannels, plane, 0, outChannels);
    const dWeight = use.gradient(weight);
    if (dWeight) convolution.weightGradient(dWeight, x, dy, n, scratch);
    if (dx) convolution.forward(dx, dy, weight.ptr, NULL, false, n, scratch);
  }

  /** Output height or width for an input's. */
  private extent(axis: 0 | 1, size: number): number {
    const { geometry, extra } = this;
    const spread = (size - 1) * geometry.stride[axis] + reach(geometry, axis);
    return spread - paddingOf(geometry, axis) + extra[axis];
  }
}

/**
 * The transpose of Conv2d's linear map ("deconvolution"): each input is spread over the output in the shape
 * of the kernel,
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
 * `weight` [inChannels, outChannels/groups, kernel height, kernel width], `bias` [outChannels]. The default
 * `init` counts fan_in as PyTorch does, outChannels/groups · kernel height · kernel width. Forward runs the
 * kernel of Conv2d's input gradient, and backward that of Conv2d's forward. As PyTorch's
 * `nn.ConvTranspose2d`.
 *
 * @throws RangeError for sizes and options that are not whole numbers, for groups that do not divide both
 *   channel counts, for an outputPadding not smaller than stride or dilation, and in forward for an input
 *   of another rank or channel count, or of which the padding leaves nothing
 */
export class ConvTranspose2d extends ConvTranspose {
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Sides;
  readonly outputPadding: Pair;
  readonly dilation: Pair;
  protected readonly dimensions = 2;

  /** @param kernelSize one number, or [height, width] */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: NumberOrPair,
    ...rest: [options?: ConvTranspose2dOptions | undefined]
  ) {
    const who = 'ConvTranspose2d';
    const options = optionsOf(who, rest, { ...CONV_OPTIONS, outputPadding: undefined });
    refuseSame(who, options.padding);
    const geometry = geometryOf(who, inChannels, outChannels, kernelSize, options);
    const { kernel, stride, dilation } = geometry;
    const extra = pairOf(who, 'outputPadding', options.outputPadding ?? 0, 2, 0, 0);
    super(inChannels, outChannels, geometry, extra, kernel, options);
    this.outputPadding = extra;
    this.kernelSize = kernel;
    this.stride = stride;
    this.padding = geometry.padding;
    this.dilation = dilation;
    this.settle();
  }

  connect(use: Use<Memo>, shape: Shape): Shape {
    if (shape.length !== 4 || shape[1] !== this.inChannels) {
      throw new RangeError(
        `${this}: input expected [N, ${this.inChannels}, H, W], got ${shapeText(shape)}`,
      );
    }
    const [n, , h, w] = shape as [number, number, number, number];
    return [n, this.outChannels, ...this.connectImages(use, n, h, w)];
  }

  override toString(): string {
    const { inChannels, outChannels, kernelSize } = this;
    return `ConvTranspose2d(${inChannels}, ${outChannels}, ${pairText(kernelSize)})`;
  }
}

function refuseSame(who: string, padding: unknown): void {
  if (padding !== 'same') return;
  throw new TypeError(
    `${who}: padding expected in numbers, got 'same': for an output of stride times the input's ` +
      'size, padding is half of dilation·(kernel − 1) + 1 − stride',
  );
}

export interface ConvTranspose1dOptions extends ConvOptions {
  /** Distance in the output between neighbouring inputs. Default 1. */
  stride?: number;
  /** Positions that are cut off at the ends of the output: one number, or [start, end]. Default 0. */
  padding?: number | readonly [start: number, end: number];
  /** Positions added at the end. Smaller than the stride or the dilation. Default 0. */
  outputPadding?: number;
  /** Distance between a kernel's taps. Default 1. */
  dilation?: number;
}

/**
 * The transpose of Conv1d's linear map: each input is spread over the output in the shape of the kernel,
 *
 *   y[n, o, i·s − p + u·d] += weight[c, o, u] · x[n, c, i],   then + b[o]
 *
 * ```ts
 * const up = new ConvTranspose1d(64, 32, 4, { stride: 2, padding: 1 });
 * up.forward(signals);                     // [N, 64, 50] → [N, 32, 100]
 * ```
 *
 * Shapes: x [N, inChannels, L] → y [N, outChannels, L'] with
 * L' = (L − 1)·stride − padding + dilation·(kernel − 1) + outputPadding + 1, padding that of both ends; `weight`
 * [inChannels, outChannels/groups, kernel], `bias` [outChannels]. As PyTorch's `nn.ConvTranspose1d`.
 *
 * @throws RangeError as ConvTranspose2d
 */
export class ConvTranspose1d extends ConvTranspose {
  readonly kernelSize: number;
  readonly stride: number;
  readonly padding: readonly [start: number, end: number];
  readonly outputPadding: number;
  readonly dilation: number;
  protected readonly dimensions = 1;

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number,
    ...rest: [options?: ConvTranspose1dOptions | undefined]
  ) {
    const who = 'ConvTranspose1d';
    const options = optionsOf(who, rest, { ...CONV_OPTIONS, outputPadding: 0 });
    const { stride = 1, dilation = 1, padding = 0, outputPadding } = options;
    refuseSame(who, padding);
    checkSize(who, 'kernelSize', kernelSize);
    checkSize(who, 'stride', stride);
    checkSize(who, 'dilation', dilation);
    checkSize(who, 'outputPadding', outputPadding, 0);
    const geometry: ConvGeometry = {
      kernel: [1, kernelSize],
      stride: [1, stride],
      dilation: [1, dilation],
      padding: ends(who, padding, kernelSize, stride, dilation),
      groups: checkChannels(who, inChannels, outChannels, options.groups),
    };
    super(inChannels, outChannels, geometry, [0, outputPadding], [kernelSize], options);
    const [, , start, end] = geometry.padding;
    this.kernelSize = kernelSize;
    this.stride = stride;
    this.padding = [start, end];
    this.outputPadding = outputPadding;
    this.dilation = dilation;
    this.settle();
  }

  connect(use: Use<Memo>, shape: Shape): Shape {
    if (shape.length !== 3 || shape[1] !== this.inChannels) {
      throw new RangeError(
        `${this}: input expected [N, ${this.inChannels}, L], got ${shapeText(shape)}`,
      );
    }
    const [n, , length] = shape as [number, number, number];
    return [n, this.outChannels, this.connectImages(use, n, 1, length)[1]];
  }

  override toString(): string {
    return `ConvTranspose1d(${this.inChannels}, ${this.outChannels}, ${this.kernelSize})`;
  }
}
