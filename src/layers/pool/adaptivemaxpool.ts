import { PoolShape } from '../../generated/kernels.ts';
import type { Use } from '../../graph/node.ts';
import type { Slot } from '../../graph/slot.ts';
import { NULL } from '../../memory/memory.ts';
import type { Struct } from '../../memory/struct.ts';
import { Leaf } from '../../module/leaf.ts';
import { extra } from '../../runtime/extra.ts';
import { spatial } from '../../runtime/spatial.ts';
import type { Shape } from '../../tensor/shape.ts';
import { type Dimensions, type NumberOrPair, type Pair, pairOf, pairText } from '../axes.ts';
import { planesOf, poolShape, withSize } from './geometry.ts';

interface Memo {
  readonly planes: number;
  readonly shape: Struct<PoolShape, 'PoolShape'>;
  /** The position of each maximum. */
  readonly index: Slot<'MaxIndex'>;
  /** Whether all bins are 2×2 blocks or others of one size, which max pooling has loops for. */
  readonly even: boolean;
}

abstract class AdaptiveMaxPool extends Leaf<Memo> {
  constructor(
    private readonly dimensions: Dimensions,
    /** @internal */
    readonly outputSize: Pair,
    ...rest: []
  ) {
    super(...rest);
  }

  connect(use: Use<Memo>, shape: Shape): Shape {
    const { dimensions, outputSize: outSize } = this;
    const { planes, size } = planesOf(`${this}`, shape, dimensions);
    const output = withSize(shape, outSize, dimensions);
    const even = outSize[1] > 1 && outSize.every((bins, d) => size[d as 0 | 1] % bins === 0);
    // The kernel of adaptive pooling reads the sizes of x and y alone.
    const kernel: Pair = even ? [size[0] / outSize[0], size[1] / outSize[1]] : [1, 1];
    const steps = { stride: kernel, padding: [0, 0], dilation: [1, 1], ceilMode: false } as const;
    use.keeps({});
    use.memo = {
      planes,
      shape: use.struct(PoolShape, poolShape(size, outSize, { kernel, ...steps })),
      index: use.save(output),
      even,
    };
    return output;
  }

  run(use: Use<Memo>): void {
    const { planes, shape, index, even } = use.memo;
    const where = use.recording ? index.ptr : (NULL as typeof index.ptr);
    if (even) spatial().maxPoolForward(use.y, where, use.x, shape.ptr, 0, planes);
    else extra().adaptiveMaxPoolForward(use.y, where, use.x, shape.ptr, 0, planes);
  }

  runBackward(use: Use<Memo>): void {
    const { planes, shape, index } = use.memo;
    if (use.dx) spatial().maxPoolBackward(use.dx, index.ptr, use.dy, shape.ptr, 0, planes);
  }

  override toString(): string {
    return `${this.constructor.name}(${pairText(this.outputSize, this.dimensions)})`;
  }
}

/**
 * The largest value in each of `outputSize` bins of the last axis, bin o from ⌊o·L / outputSize⌋ to
 * ⌈(o + 1)·L / outputSize⌉ (exclusive).
 *
 * The gradient goes to the first of equal maxima. A NaN counts as the largest value.
 *
 * Shape: [N, C, L] → [N, C, outputSize]. As PyTorch's `nn.AdaptiveMaxPool1d`.
 *
 * @throws RangeError for a size below 1; in `forward` for another rank
 */
export class AdaptiveMaxPool1d extends AdaptiveMaxPool {
  constructor(outputSize: number, ...rest: []) {
    super(1, pairOf('AdaptiveMaxPool1d', 'outputSize', outputSize as NumberOrPair, 1, 1), ...rest);
  }
}

/**
 * The largest value in each bin of a grid over the plane, whatever its size: as `AdaptiveMaxPool1d`, in two
 * directions. `new AdaptiveMaxPool2d(1)` is the global maximum.
 *
 * Shape: [N, C, H, W] → [N, C, ...outputSize]. As PyTorch's `nn.AdaptiveMaxPool2d`.
 *
 * @param outputSize a number, or `[vertical, horizontal]`
 * @throws RangeError for sizes below 1; in `forward` for another rank
 */
export class AdaptiveMaxPool2d extends AdaptiveMaxPool {
  constructor(outputSize: NumberOrPair, ...rest: []) {
    super(2, pairOf('AdaptiveMaxPool2d', 'outputSize', outputSize, 2, 1), ...rest);
  }
}
