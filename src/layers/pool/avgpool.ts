import { PoolShape } from '../../generated/kernels.ts';
import type { Use } from '../../graph/node.ts';
import { type Struct, withStruct } from '../../memory/struct.ts';
import { Leaf } from '../../module/leaf.ts';
import { extra } from '../../runtime/extra.ts';
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

export interface AvgPoolOptions<P = NumberOrPair> {
  /** Step from window to window. Default the kernel's size. */
  stride?: P;
  /** Zeros before the first and after the last position. Default 0, at most kernel/2. */
  padding?: P;
  /** Whether windows may extend beyond the padded end. Default false. */
  ceilMode?: boolean;
  /** Whether a mean counts the zeros of the padding. Default true. */
  countIncludePad?: boolean;
}

interface Memo {
  readonly planes: number;
  readonly shape: Struct<PoolShape, 'PoolShape'>;
}

abstract class AvgPool extends Leaf<Memo> {
  /** @internal */
  readonly geometry: PoolGeometry;
  /** @internal */
  readonly countIncludePad: boolean;

  constructor(
    private readonly dimensions: Dimensions,
    kernelSize: NumberOrPair,
    rest: readonly (AvgPoolOptions | undefined)[],
  ) {
    super();
    const who = this.constructor.name;
    const options = optionsOf(who, rest, { ...POOL_OPTIONS, countIncludePad: true });
    this.geometry = poolGeometry(who, dimensions, kernelSize, options);
    this.countIncludePad = options.countIncludePad;
  }

  connect(use: Use<Memo>, shape: Shape): Shape {
    const { geometry, dimensions, countIncludePad } = this;
    const { planes, size } = planesOf(`${this}`, shape, dimensions);
    const outSize = outputSize(`${this}`, size, geometry, dimensions);
    use.keeps({});
    const sizes = poolShape(size, outSize, geometry, countIncludePad);
    use.reserveScratch(withStruct(PoolShape, sizes, extra().avgPoolBackwardScratch));
    use.memo = { planes, shape: use.struct(PoolShape, sizes) };
    return withSize(shape, outSize, dimensions);
  }

  run(use: Use<Memo>): void {
    const { planes, shape } = use.memo;
    extra().avgPoolForward(use.y, use.x, shape.ptr, 0, planes);
  }

  runBackward(use: Use<Memo>): void {
    const { planes, shape } = use.memo;
    if (use.dx) extra().avgPoolBackward(use.dx, use.dy, shape.ptr, 0, planes, use.scratch);
  }

  override toString(): string {
    const counting = this.countIncludePad ? '' : ', countIncludePad=false';
    return `${this.constructor.name}(${geometryText(this.geometry, this.dimensions)}${counting})`;
  }
}

/**
 * The mean of each window along the last axis:
 *
 * y[n, c, o] = (1 / divisor) Σ over t of x[n, c, o·stride − padding + t],  t = 0 … kernelSize − 1
 *
 * The divisor is the window's size, or with `countIncludePad: false` the number of its taps that are not
 * padding; taps beyond the padded end never count.
 *
 * Shape: [N, C, L] → [N, C, ⌊(L + 2·padding − kernelSize) / stride⌋ + 1], the ceiling with
 * `ceilMode`. As PyTorch's `nn.AvgPool1d`.
 *
 * @throws RangeError for sizes below 1 or padding beyond half the kernel; in `forward` for another
 *   rank or an input smaller than the window
 */
export class AvgPool1d extends AvgPool {
  constructor(kernelSize: number, ...rest: [options?: AvgPoolOptions<number> | undefined]) {
    super(1, kernelSize, rest);
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
  constructor(kernelSize: NumberOrPair, ...rest: [options?: AvgPoolOptions | undefined]) {
    super(2, kernelSize, rest);
  }
}
