import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import { NULL } from '../../memory/memory.ts';
import { Leaf } from '../../module/leaf.ts';
import { kernels } from '../../runtime/engine.ts';
import type { Shape } from '../../tensor/check.ts';
import {
  type Dimensions,
  type NumberOrPair,
  planesOf,
  type WindowOptions,
  windowOptions,
  windowsIn,
  windowText,
  withSize,
} from './window.ts';

export interface MaxPoolOptions<P = NumberOrPair> {
  /** Step from window to window. Default the kernel's size. */
  stride?: P;
  /** Positions before the first and after the last, counted as −∞. Default 0, at most kernel/2. */
  padding?: P;
  /** Step from tap to tap inside a window. Default 1. */
  dilation?: P;
  /** Whether a window that hangs over the end counts. Default false. */
  ceilMode?: boolean;
}

/** The kernels' sizes in their order, and where each maximum stood. */
interface Memo {
  readonly sizes: ReturnType<typeof kernelSizes>;
  readonly planes: number;
  readonly index: Slot;
}

abstract class MaxPool extends Leaf {
  private readonly window: WindowOptions;

  constructor(
    private readonly dimensions: Dimensions,
    kernelSize: NumberOrPair,
    options: MaxPoolOptions,
  ) {
    super();
    this.window = windowOptions(this.constructor.name, dimensions, kernelSize, options);
  }

  connect(use: Use, shape: Shape): Shape {
    const { planes, size } = planesOf(`${this}`, shape, this.dimensions);
    const outSize = windowsIn(`${this}`, size, this.window, this.dimensions);
    const output = withSize(shape, outSize, this.dimensions);
    use.keeps({});
    const index = use.save(output);
    use.memo = { sizes: kernelSizes(size, outSize, this.window), planes, index } satisfies Memo;
    return output;
  }

  run(use: Use): void {
    const { sizes, planes, index } = use.memo as Memo;
    const where = use.recording ? index.ptr : NULL;
    kernels().maxPoolForward(use.y, where, use.x, ...sizes, 0, planes);
  }

  runBackward(use: Use): void {
    if (!use.dx) return;
    const { sizes, planes, index } = use.memo as Memo;
    kernels().maxPoolBackward(use.dx, index.ptr, use.dy, ...sizes, 0, planes);
  }

  override toString(): string {
    return `${this.constructor.name}(${windowText(this.window, this.dimensions)})`;
  }
}

function kernelSizes(
  size: readonly [number, number],
  outSize: readonly [number, number],
  { kernel, stride, padding, dilation }: WindowOptions,
) {
  return [...size, ...outSize, ...kernel, ...stride, ...padding, ...dilation] as const;
}

/**
 * The largest value in each window along the last axis:
 *
 * y[n, c, o] = max over t of x[n, c, o·stride − padding + t·dilation],  t = 0 … kernelSize − 1
 *
 * The gradient goes to the first of equal maxima. A NaN in a window wins.
 *
 * Shape: [N, C, L] → [N, C, ⌊(L + 2·padding − dilation·(kernelSize − 1) − 1) / stride⌋ + 1], the
 * ceiling with `ceilMode`. As PyTorch's `nn.MaxPool1d`.
 *
 * @throws RangeError for sizes below 1 or padding beyond half the kernel; in `forward` for another
 *   rank or an input smaller than the window
 */
export class MaxPool1d extends MaxPool {
  constructor(kernelSize: number, options: MaxPoolOptions<number> = {}) {
    super(1, kernelSize, options);
  }
}

/**
 * The largest value in each window of the plane: as `MaxPool1d`, in two directions.
 *
 * ```ts
 * new MaxPool2d(2)                              // [N, C, H, W] → [N, C, H/2, W/2]
 * new MaxPool2d(3, { stride: 2, padding: 1 })   // a ResNet's
 * ```
 *
 * Shape: [N, C, H, W] → [N, C, H′, W′]. As PyTorch's `nn.MaxPool2d`.
 *
 * @param kernelSize a number, or `[vertical, horizontal]`, as each option
 * @throws RangeError for sizes below 1 or padding beyond half the kernel; in `forward` for another
 *   rank or an input smaller than the window
 */
export class MaxPool2d extends MaxPool {
  constructor(kernelSize: NumberOrPair, options: MaxPoolOptions = {}) {
    super(2, kernelSize, options);
  }
}
