import type { Use } from '../../graph/node.ts';
import { NULL } from '../../memory/memory.ts';
import { Leaf } from '../../module/leaf.ts';
import { kernels } from '../../runtime/engine.ts';
import { checkInteger, type Shape, shapeText } from '../../tensor/check.ts';
import { type Init, initialize } from '../../tensor/init.ts';
import { Parameter } from '../../tensor/parameter.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { checkChannels, ends, type Pair, pair, type Sides, sides, type Window } from './options.ts';

interface ConvOptions {
  /** Channels are cut into this many groups that do not see each other. Default 1. */
  groups?: number;
  /** Whether b is added. Default true; a batch norm that follows makes it superfluous. */
  bias?: boolean;
  /** How weight and bias start. Default PyTorch's U(−1/√fan_in, 1/√fan_in) for both. */
  init?: Init;
}

export interface Conv1dOptions extends ConvOptions {
  /** Default 1. */
  stride?: number;
  /** Zeros on both sides, [before, after], or `'same'`: as many positions as before. Default 0. */
  padding?: number | readonly [before: number, after: number] | 'same';
  /** Distance between a kernel's taps. Default 1. */
  dilation?: number;
}

export interface Conv2dOptions extends ConvOptions {
  /** One number, or [vertical, horizontal]. Default 1. */
  stride?: number | Pair;
  /**
   * Zeros around the image: a number, [vertical, horizontal], [top, bottom, left, right], or `'same'`,
   * which keeps height and width; where an even kernel needs an odd number of zeros, the odd one goes
   * to the bottom and the right, as in PyTorch and TensorFlow. Default 0.
   */
  padding?: number | Pair | Sides | 'same';
  /** Distance between a kernel's taps: one number, or [vertical, horizontal]. Default 1. */
  dilation?: number | Pair;
}

/** The sizes of one use; a Conv1d's height is 1. */
interface Sizes {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly outH: number;
  readonly outW: number;
}

/** What Conv1d and Conv2d share: the kernels work on images, a signal is an image of height 1. */
export abstract class Conv extends Leaf {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly padding: Sides;
  readonly groups: number;

  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    /** Height and width. */
    protected readonly kernel: Pair,
    window: Omit<Window, 'kernel'>,
    weightShape: Shape,
    { bias = true, init = 'default' }: ConvOptions,
  ) {
    super();
    this.stride = window.stride;
    this.dilation = window.dilation;
    this.padding = window.padding;
    this.groups = window.groups;
    this.weight = new Parameter(Tensor.zeros(weightShape));
    this.bias = bias ? new Parameter(Tensor.zeros([outChannels])) : undefined;
    initialize(this.weight, this.bias, init);
  }

  /** Output height and width: ⌊(size + padding − dilation·(kernel − 1) − 1)/stride⌋ + 1. */
  protected plan(use: Use, n: number, h: number, w: number): Sizes {
    const [top, bottom, left, right] = this.padding;
    const room = [h + top + bottom, w + left + right] as const;
    const [outH, outW] = [0, 1].map((axis) => {
      const reach = this.dilation[axis]! * (this.kernel[axis]! - 1) + 1;
      return Math.floor((room[axis]! - reach) / this.stride[axis]!) + 1;
    }) as [number, number];
    if (outH < 1 || outW < 1) {
      throw new RangeError(
        `${this}: kernel expected to fit the padded input, ${this.sizeText(room)}, got ` +
          `${this.sizeText(this.kernel)}${this.dilationText()}`,
      );
    }
    const { conv2dForwardScratch, conv2dInputGradientScratch, conv2dWeightGradientScratch } =
      kernels();
    const { inChannels, outChannels, kernel, stride, dilation, groups } = this;
    const window = [...kernel, ...stride, ...dilation, groups] as const;
    use.keeps({ input: this.weight.requiresGrad });
    use.reserveScratch(conv2dForwardScratch(inChannels, outChannels, outH, outW, ...window));
    use.reserveScratch(conv2dWeightGradientScratch(inChannels, outChannels, outH, outW, ...window));
    use.reserveScratch(
      conv2dInputGradientScratch(
        inChannels,
        h,
        w,
        outChannels,
        ...kernel,
        ...stride,
        top,
        left,
        ...dilation,
        groups,
      ),
    );
    const sizes = { n, h, w, outH, outW };
    use.memo = sizes;
    return sizes;
  }

  override get reluEpilogue() {
    return 'mask' as const;
  }

  run(use: Use): void {
    const { inChannels, outChannels, kernel, stride, padding, dilation, groups } = this;
    const { n, h, w, outH, outW } = use.memo as Sizes;
    kernels().conv2dForward(
      use.y,
      use.x,
      this.weight.ptr,
      this.bias?.ptr ?? NULL,
      inChannels,
      h,
      w,
      outChannels,
      outH,
      outW,
      kernel[0],
      kernel[1],
      stride[0],
      stride[1],
      padding[0],
      padding[2],
      dilation[0],
      dilation[1],
      groups,
      use.relu ? 1 : 0,
      0,
      n,
      use.scratch,
    );
  }

  runBackward(use: Use): void {
    const { inChannels, outChannels, kernel, stride, padding, dilation, groups } = this;
    const { n, h, w, outH, outW } = use.memo as Sizes;
    const { conv2dInputGradient, conv2dWeightGradient, channelBiasBackward } = kernels();
    const { dx, dy } = use;
    const db = use.gradient(this.bias);
    if (db) channelBiasBackward(db, dy, n, outChannels, outH * outW, 0, outChannels);
    const dWeight = use.gradient(this.weight);
    if (dWeight) {
      conv2dWeightGradient(
        dWeight,
        dy,
        use.x,
        n,
        inChannels,
        h,
        w,
        outChannels,
        outH,
        outW,
        kernel[0],
        kernel[1],
        stride[0],
        stride[1],
        padding[0],
        padding[2],
        dilation[0],
        dilation[1],
        groups,
        0,
        (inChannels / groups) * kernel[0] * kernel[1],
        use.scratch,
      );
    }
    if (dx) {
      conv2dInputGradient(
        dx,
        dy,
        this.weight.ptr,
        inChannels,
        h,
        w,
        outChannels,
        outH,
        outW,
        kernel[0],
        kernel[1],
        stride[0],
        stride[1],
        padding[0],
        padding[2],
        dilation[0],
        dilation[1],
        groups,
        0,
        n,
        use.scratch,
      );
    }
  }

  /** A size for an error: height × width, or a Conv1d's length alone. */
  protected abstract sizeText(size: Pair): string;

  private dilationText(): string {
    const { dilation } = this;
    return dilation[0] > 1 || dilation[1] > 1 ? ` with dilation ${this.sizeText(dilation)}` : '';
  }
}

/**
 * y[n, o, i, j] = b[o] + Σ_{c, u, v} weight[o, c, u, v] · x[n, c, i·s − p + u·d, j·s − p + v·d]
 *
 * with x zero outside the image: what the field calls convolution (and mathematics correlation).
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
 *   channel count or smaller, padding included, than the kernel
 */
export class Conv2d extends Conv {
  readonly kernelSize: Pair;

  /** @param kernelSize one number, or [height, width] */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number | Pair,
    options: Conv2dOptions = {},
  ) {
    const who = 'Conv2d';
    const kernel = pair(who, 'kernelSize', kernelSize);
    const stride = pair(who, 'stride', options.stride ?? 1);
    const dilation = pair(who, 'dilation', options.dilation ?? 1);
    const padding = sides(who, options.padding ?? 0, { kernel, stride, dilation });
    const groups = checkChannels(who, inChannels, outChannels, options.groups ?? 1);
    const window = { stride, dilation, padding, groups };
    const shape = [outChannels, inChannels / groups, ...kernel];
    super(inChannels, outChannels, kernel, window, shape, options);
    this.kernelSize = kernel;
  }

  connect(use: Use, shape: Shape): Shape {
    if (shape.length !== 4 || shape[1] !== this.inChannels) {
      throw new RangeError(
        `${this}: input expected [N, ${this.inChannels}, H, W], got ${shapeText(shape)}`,
      );
    }
    const { n, outH, outW } = this.plan(use, shape[0]!, shape[2]!, shape[3]!);
    return [n, this.outChannels, outH, outW];
  }

  protected sizeText([height, width]: Pair): string {
    return `${height}×${width}`;
  }

  override toString(): string {
    const [height, width] = this.kernel;
    const kernel = height === width ? height : `[${height}, ${width}]`;
    return `Conv2d(${this.inChannels}, ${this.outChannels}, ${kernel})`;
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
export class Conv1d extends Conv {
  readonly kernelSize: number;

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number,
    options: Conv1dOptions = {},
  ) {
    const who = 'Conv1d';
    const { stride = 1, dilation = 1, padding = 0 } = options;
    checkInteger(who, 'kernelSize', kernelSize);
    checkInteger(who, 'stride', stride);
    checkInteger(who, 'dilation', dilation);
    const kernel: Pair = [1, kernelSize];
    const window = {
      stride: [1, stride],
      dilation: [1, dilation],
      padding: ends(who, padding, kernelSize, stride, dilation),
      groups: checkChannels(who, inChannels, outChannels, options.groups ?? 1),
    } as const;
    const shape = [outChannels, inChannels / window.groups, kernelSize];
    super(inChannels, outChannels, kernel, window, shape, options);
    this.kernelSize = kernelSize;
  }

  connect(use: Use, shape: Shape): Shape {
    if (shape.length !== 3 || shape[1] !== this.inChannels) {
      throw new RangeError(
        `${this}: input expected [N, ${this.inChannels}, L], got ${shapeText(shape)}`,
      );
    }
    const { n, outW } = this.plan(use, shape[0]!, 1, shape[2]!);
    return [n, this.outChannels, outW];
  }

  protected sizeText([, width]: Pair): string {
    return String(width);
  }

  override toString(): string {
    return `Conv1d(${this.inChannels}, ${this.outChannels}, ${this.kernelSize})`;
  }
}
