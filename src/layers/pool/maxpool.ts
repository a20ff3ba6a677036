import { PoolShape } from '../../generated/kernels.ts';
import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import { NULL } from '../../memory/memory.ts';
import type { Struct } from '../../memory/struct.ts';
import { Leaf } from '../../module/leaf.ts';
import { spatial } from '../../runtime/spatial.ts';
import { optionsOf } from '../../tensor/options.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { Dimensions, NumberOrPair } from '../axes.ts';
import {
  geometryText,
  outputSize,
  POOL_OPTIONS,
  type PoolGeometry,
  planesOf,
  poolGeometry,
  poolShape,
  withSize,
} from './geometry.ts';

export interface MaxPoolOptions<P = NumberOrPair> {
  /** Step from window to window. Default the kernel's size. */
  stride?: P;
  /** Positions before the first and after the last, counted as −∞. Default 0, at most kernel/2. */
  padding?: P;
  /** Step from tap to tap inside a window. Default 1. */
  dilation?: P;
  /** Whether windows may extend beyond the padded end. Default false. */
  ceilMode?: boolean;
}

interface Memo {
  readonly planes: number;
  readonly shape: Struct<PoolShape, 'PoolShape'>;
  /** The position of each maximum. */
  readonly index: Slot<'MaxIndex'>;
}

abstract class MaxPool extends Leaf<Memo> {
  /** @internal */
  readonly geometry: PoolGeometry;

  constructor(
    private readonly dimensions: Dimensions,
    kernelSize: NumberOrPair,
    rest: readonly (MaxPoolOptions | undefined)[],
  ) {
    super();
    const who = this.constructor.name;
    const options = optionsOf(who, rest, { ...POOL_OPTIONS, dilation: undefined });
    this.geometry = poolGeometry(who, dimensions, kernelSize, options);
  }

  connect(use: Use<Memo>, shape: Shape): Shape {
    const { geometry, dimensions } = this;
    const { planes, size } = planesOf(`${this}`, shape, dimensions);
    const outSize = outputSize(`${this}`, size, geometry, dimensions);
    const output = withSize(shape, outSize, dimensions);
    use.keeps({});
    use.memo = {
      planes,
      shape: use.struct(PoolShape, poolShape(size, outSize, geometry)),
      index: use.save(output),
    };
    return output;
  }

  run(use: Use<Memo>): void {
    const { planes, shape, index } = use.memo;
    const where = use.recording ? index.ptr : (NULL as typeof index.ptr);
    spatial().maxPoolForward(use.y, where, use.x, shape.ptr, 0, planes);
  }

  runBackward(use: Use<Memo>): void {
    const { planes, shape, index } = use.memo;
    if (use.dx) spatial().maxPoolBackward(use.dx, index.ptr, use.dy, shape.ptr, 0, planes);
  }

  override toString(): string {
    return `${this.constructor.name}(${geometryText(this.geometry, this.dimensions)})`;
  }
}

/**
 * The largest value in each window along the last axis:
 *
 * y[n, c, o] = max over t of x[n, c, o·stride − padding + t·dilation],  t = 0 … kernelSize − 1
 *
 * The gradient goes to the first of equal maxima. A NaN counts as the largest value.
 *
 * Shape: [N, C, L] → [N, C, ⌊(L + 2·padding − dilation·(kernelSize − 1) − 1) / stride⌋ + 1], the
 * ceiling with `ceilMode`. As PyTorch's `nn.MaxPool1d`.
 *
 * @throws RangeError for sizes below 1 or padding beyond half the kernel; in `forward` for another
 *   rank or an input smaller than the window
 */
export class MaxPool1d extends MaxPool {
  constructor(kernelSize: number, ...rest: [options?: MaxPoolOptions<number> | undefined]) {
    super(1, kernelSize, rest);
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
  constructor(kernelSize: NumberOrPair, ...rest: [options?: MaxPoolOptions | undefined]) {
    super(2, kernelSize, rest);
  }
}
