import { PoolShape } from '../../generated/kernels.ts';
import type { Use } from '../../graph/node.ts';
import { type Struct, withStruct } from '../../memory/struct.ts';
import { Leaf } from '../../module/leaf.ts';
import { common } from '../../runtime/common.ts';
import { extra } from '../../runtime/extra.ts';
import type { Shape } from '../../tensor/shape.ts';
import { type Dimensions, type NumberOrPair, type Pair, pairOf, pairText } from '../axes.ts';
import { planesOf, poolShape, withSize } from './geometry.ts';

interface AdaptiveMemo {
  readonly planes: number;
  /**
   * Which kernel runs: for the mean of whole planes, for windows of one size side by side, or for other
   * bins.
   */
  readonly kind: 'global' | 'even' | 'bins';
  /** Positions of a plane. */
  readonly area: number;
  readonly shape: Struct<PoolShape, 'PoolShape'>;
}

abstract class AdaptiveAvgPool extends Leaf<AdaptiveMemo> {
  constructor(
    private readonly dimensions: Dimensions,
    /** @internal */
    readonly outputSize: Pair,
    ...rest: []
  ) {
    super(...rest);
  }

  connect(use: Use<AdaptiveMemo>, shape: Shape): Shape {
    const { dimensions, outputSize: outSize } = this;
    const { planes, size } = planesOf(`${this}`, shape, dimensions);
    const kernel: Pair = [Math.floor(size[0] / outSize[0]), Math.floor(size[1] / outSize[1])];
    const divides = size[0] % outSize[0] === 0 && size[1] % outSize[1] === 0;
    const steps = { stride: kernel, padding: [0, 0], dilation: [1, 1], ceilMode: false } as const;
    const sizes = poolShape(size, outSize, { kernel, ...steps }, true);
    use.keeps({});
    use.reserveScratch(withStruct(PoolShape, sizes, extra().avgPoolBackwardScratch));
    use.memo = {
      planes,
      kind: outSize[0] * outSize[1] === 1 ? 'global' : divides ? 'even' : 'bins',
      area: size[0] * size[1],
      shape: use.struct(PoolShape, sizes),
    };
    return withSize(shape, outSize, dimensions);
  }

  run(use: Use<AdaptiveMemo>): void {
    const { y, x } = use;
    const { planes, kind, area, shape } = use.memo;
    if (kind === 'global') common().globalAvgPoolForward(y, x, area, 0, planes);
    else if (kind === 'even') extra().avgPoolForward(y, x, shape.ptr, 0, planes);
    else extra().adaptiveAvgPoolForward(y, x, shape.ptr, 0, planes);
  }

  runBackward(use: Use<AdaptiveMemo>): void {
    const { dx, dy, scratch } = use;
    if (!dx) return;
    const { planes, kind, area, shape } = use.memo;
    if (kind === 'global') common().globalAvgPoolBackward(dx, dy, area, 0, planes);
    else if (kind === 'even') extra().avgPoolBackward(dx, dy, shape.ptr, 0, planes, scratch);
    else extra().adaptiveAvgPoolBackward(dx, dy, shape.ptr, 0, planes);
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
  constructor(outputSize: number, ...rest: []) {
    super(1, pairOf('AdaptiveAvgPool1d', 'outputSize', outputSize as NumberOrPair, 1, 1), ...rest);
  }
}

/**
 * Means over a grid of bins of the plane, whatever its size; `new AdaptiveAvgPool2d(1)` is the global
 * average before a classifier.
 *
 * Shape: [N, C, H, W] → [N, C, ...outputSize]. As PyTorch's `nn.AdaptiveAvgPool2d`.
 *
 * @param outputSize a number, or `[vertical, horizontal]`
 * @throws RangeError for sizes below 1; in `forward` for another rank
 */
export class AdaptiveAvgPool2d extends AdaptiveAvgPool {
  constructor(outputSize: NumberOrPair, ...rest: []) {
    super(2, pairOf('AdaptiveAvgPool2d', 'outputSize', outputSize, 2, 1), ...rest);
  }
}
