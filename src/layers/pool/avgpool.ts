import type { Use } from '../../graph/node.ts';
import { Leaf } from '../../module/leaf.ts';
import { kernels } from '../../runtime/engine.ts';
import { extra } from '../../runtime/extra.ts';
import { type Shape, shapeText } from '../../tensor/check.ts';
import {
  type Dimensions,
  type NumberOrPair,
  type Pair,
  pairOf,
  pairText,
  planesOf,
  type WindowOptions,
  windowOptions,
  windowsIn,
  windowText,
  withSize,
} from './window.ts';

export interface AvgPoolOptions<P = NumberOrPair> {
  /** Step from window to window. Default the kernel's size. */
  stride?: P;
  /** Zeros before the first and after the last position. Default 0, at most kernel/2. */
  padding?: P;
  /** Whether a window that hangs over the end counts. Default false. */
  ceilMode?: boolean;
  /** Whether a mean counts the zeros of the padding. Default true. */
  countIncludePad?: boolean;
}

/** The kernels' sizes in their order. */
interface Memo {
  readonly sizes: ReturnType<typeof kernelSizes>;
  readonly planes: number;
}

abstract class AvgPool extends Leaf {
  private readonly window: WindowOptions;
  private readonly countIncludePad: boolean;

  constructor(
    private readonly dimensions: Dimensions,
    kernelSize: NumberOrPair,
    { countIncludePad = true, ...options }: AvgPoolOptions,
  ) {
    super();
    this.window = windowOptions(this.constructor.name, dimensions, kernelSize, options);
    this.countIncludePad = countIncludePad;
  }

  connect(use: Use, shape: Shape): Shape {
    const { planes, size } = planesOf(`${this}`, shape, this.dimensions);
    const outSize = windowsIn(`${this}`, size, this.window, this.dimensions);
    use.keeps({});
    use.reserveScratch(4 * outSize[1]);
    const sizes = kernelSizes(size, outSize, this.window, this.countIncludePad);
    use.memo = { sizes, planes } satisfies Memo;
    return withSize(shape, outSize, this.dimensions);
  }

  run(use: Use): void {
    const { sizes, planes } = use.memo as Memo;
    kernels().avgPoolForward(use.y, use.x, ...sizes, 0, planes);
  }

  runBackward(use: Use): void {
    if (!use.dx) return;
    const { sizes, planes } = use.memo as Memo;
    kernels().avgPoolBackward(use.dx, use.dy, ...sizes, 0, planes, use.scratch);
  }

  override toString(): string {
    const counting = this.countIncludePad ? '' : ', countIncludePad=false';
    return `${this.constructor.name}(${windowText(this.window, this.dimensions)}${counting})`;
  }
}

function kernelSizes(
  size: Pair,
  outSize: Pair,
  { kernel, stride, padding }: WindowOptions,
  countIncludePad: boolean,
) {
  const counting = Number(countIncludePad);
  return [...size, ...outSize, ...kernel, ...stride, ...padding, counting] as const;
}

/**
 * The mean of each window along the last axis:
 *
 * y[n, c, o] = (1 / divisor) Σ over t of x[n, c, o·stride − padding + t],  t = 0 … kernelSize − 1
 *
 * The divisor is the window's size, or with `countIncludePad: false` the number of its taps that are
 * not padding; what hangs over the padded end never counts.
 *
 * Shape: [N, C, L] → [N, C, ⌊(L + 2·padding − kernelSize) / stride⌋ + 1], the ceiling with
 * `ceilMode`. As PyTorch's `nn.AvgPool1d`.
 *
 * @throws RangeError for sizes below 1 or padding beyond half the kernel; in `forward` for another
 *   rank or an input smaller than the window
 */
export class AvgPool1d extends AvgPool {
  constructor(kernelSize: number, options: AvgPoolOptions<number> = {}) {
    super(1, kernelSize, options);
  }
}

/**
 * The mean of each window of the plane: as `AvgPool1d`, in two directions.
 *
 * Shape: [N, C, H, W] → [N, C, H′, W′]. As PyTorch's `nn.AvgPool2d`.
 *
 * @param kernelSize a number, or `[vertical, horizontal]`, as each option
 * @throws RangeError for sizes below 1 or padding beyond half the kernel; in `forward` for another
 *   rank or an input smaller than the window
 */
export class AvgPool2d extends AvgPool {
  constructor(kernelSize: NumberOrPair, options: AvgPoolOptions = {}) {
    super(2, kernelSize, options);
  }
}

/** Which kernel serves: the mean of all, windows of one size side by side, or bins that overlap. */
interface AdaptiveMemo {
  readonly planes: number;
  readonly size: Pair;
  readonly outSize: Pair;
  readonly kind: 'global' | 'even' | 'bins';
  readonly even: ReturnType<typeof kernelSizes>;
}

abstract class AdaptiveAvgPool extends Leaf {
  constructor(
    private readonly dimensions: Dimensions,
    private readonly outputSize: Pair,
  ) {
    super();
  }

  connect(use: Use, shape: Shape): Shape {
    const { planes, size } = planesOf(`${this}`, shape, this.dimensions);
    const { outputSize: outSize } = this;
    const kernel: Pair = [Math.floor(size[0] / outSize[0]), Math.floor(size[1] / outSize[1])];
    const divides = size[0] % outSize[0] === 0 && size[1] % outSize[1] === 0;
    const window = { kernel, stride: kernel, padding: [0, 0], dilation: [1, 1] } as const;
    use.keeps({});
    use.reserveScratch(4 * outSize[1]);
    use.memo = {
      planes,
      size,
      outSize,
      kind: outSize[0] * outSize[1] === 1 ? 'global' : divides ? 'even' : 'bins',
      even: kernelSizes(size, outSize, { ...window, ceilMode: false }, true),
    } satisfies AdaptiveMemo;
    return withSize(shape, outSize, this.dimensions);
  }

  run(use: Use): void {
    const { planes, size, outSize, kind, even } = use.memo as AdaptiveMemo;
    if (kind === 'global') {
      kernels().globalAvgPoolForward(use.y, use.x, size[0] * size[1], 0, planes);
    } else if (kind === 'even') {
      kernels().avgPoolForward(use.y, use.x, ...even, 0, planes);
    } else {
      extra().adaptiveAvgPoolForward(use.y, use.x, ...size, ...outSize, 0, planes);
    }
  }

  runBackward(use: Use): void {
    if (!use.dx) return;
    const { planes, size, outSize, kind, even } = use.memo as AdaptiveMemo;
    if (kind === 'global') {
      kernels().globalAvgPoolBackward(use.dx, use.dy, size[0] * size[1], 0, planes);
    } else if (kind === 'even') {
      kernels().avgPoolBackward(use.dx, use.dy, ...even, 0, planes, use.scratch);
    } else {
      extra().adaptiveAvgPoolBackward(use.dx, use.dy, ...size, ...outSize, 0, planes);
    }
  }

  override toString(): string {
    return `${this.constructor.name}(${pairText(this.outputSize, this.dimensions)})`;
  }
}

/**
 * Means over `outputSize` bins of the last axis, bin o from ⌊o·L / outputSize⌋ to
 * ⌈(o + 1)·L / outputSize⌉ (exclusive).
 *
 * Shape: [N, C, L] → [N, C, outputSize]. As PyTorch's `nn.AdaptiveAvgPool1d`.
 *
 * @throws RangeError for a size below 1; in `forward` for another rank
 */
export class AdaptiveAvgPool1d extends AdaptiveAvgPool {
  constructor(outputSize: number) {
    super(1, pairOf('AdaptiveAvgPool1d', 'outputSize', outputSize, 1, 1));
  }
}

/**
 * Means over a grid of bins of the plane, whatever its size; `new AdaptiveAvgPool2d(1)` is the global
 * average that stands before a classifier.
 *
 * Shape: [N, C, H, W] → [N, C, ...outputSize]. As PyTorch's `nn.AdaptiveAvgPool2d`.
 *
 * @param outputSize a number, or `[vertical, horizontal]`
 * @throws RangeError for sizes below 1; in `forward` for another rank
 */
export class AdaptiveAvgPool2d extends AdaptiveAvgPool {
  constructor(outputSize: NumberOrPair) {
    super(2, pairOf('AdaptiveAvgPool2d', 'outputSize', outputSize, 2, 1));
  }
}

/**
 * The mean of each channel's plane (or row), without the axes it was over:
 *
 * y[n, c] = mean of x[n, c, …]
 *
 * Shape: [N, C, …] → [N, C]: what `AdaptiveAvgPool2d(1)` and `Flatten()` do together.
 *
 * @throws RangeError in `forward` for fewer than three axes
 */
export class GlobalAvgPool extends Leaf {
  connect(use: Use, shape: Shape): Shape {
    if (shape.length < 3) {
      throw new RangeError(`${this}: input expected [N, C, …], got ${shapeText(shape)}`);
    }
    use.keeps({});
    return shape.slice(0, 2);
  }

  run(use: Use): void {
    const planes = use.output.slot.length;
    kernels().globalAvgPoolForward(use.y, use.x, use.inputs[0]!.slot.length / planes, 0, planes);
  }

  runBackward(use: Use): void {
    if (!use.dx) return;
    const planes = use.output.slot.length;
    kernels().globalAvgPoolBackward(use.dx, use.dy, use.inputs[0]!.slot.length / planes, 0, planes);
  }

  override toString(): string {
    return 'GlobalAvgPool()';
  }
}
