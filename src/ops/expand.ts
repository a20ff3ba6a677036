/** Numbers repeated along axes. */
import type { BroadcastShape } from '../generated/kernels.ts';
import type { Use } from '../graph/node.ts';
import { kernels } from '../runtime/engine.ts';
import { ops } from '../runtime/ops.ts';
import { type Shape, sameShape, shapeText } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { broadcastLoops, broadcastShapes, type Planes } from './loops.ts';
import { apply, type Operand, TensorOperation } from './operation.ts';
import { checkShape } from './reshape.ts';
import { type Spread, scratchOf, spreadOf, sumSpread } from './spread.ts';

interface ExpandMemo {
  readonly loops: Planes<BroadcastShape, 'BroadcastShape'>;
  readonly spread: Spread;
}

class Expand extends TensorOperation<ExpandMemo> {
  constructor(private readonly shape: readonly number[]) {
    super('expand', [shape]);
  }

  connect(use: Use<ExpandMemo>, from: Shape): Shape {
    const { shape } = this;
    const shift = shape.length - from.length;
    const y = shape.map((length, i) => (length === -1 && i >= shift ? from[i - shift]! : length));
    if (shift < 0 || y.includes(-1) || !sameShape(broadcastShapes('expand', [from, y]), y)) {
      throw new RangeError(
        `expand: shape expected to which ${shapeText(from)} broadcasts, got ${shapeText(shape)}`,
      );
    }
    use.keeps({});
    const spread = spreadOf(use, y, from);
    use.reserveScratch(4 * Math.max(1, scratchOf([spread])));
    use.memo = { loops: broadcastLoops(use, y, from, []), spread };
    return y;
  }

  run(use: Use<ExpandMemo>): void {
    const { shape, planes } = use.memo.loops;
    ops().fillWith(use.scratch, 1, 0, 1);
    ops().mulBroadcast(use.y, use.x, use.scratch, shape.ptr, 0, planes);
  }

  /** dx = Σ dy */
  runBackward(use: Use<ExpandMemo>): void {
    const { dx, dy, memo } = use;
    const n = use.inputs[0]!.slot.length;
    if (!dx) return;
    if (memo.spread) sumSpread(use, 0, dx, dy, memo.spread);
    else if (dx !== dy) kernels().copyRows(dx, dy, 1, n, n, n);
  }
}

/**
 * x repeated along axes of length 1, and along new ones in front; −1 keeps a length. Operations broadcast by
 * themselves, so that this is seldom needed. As PyTorch's `Tensor.expand`, but the result has its own memory.
 *
 * @throws RangeError for a shape to which x does not broadcast
 */
export function expand(x: Operand, shape: readonly number[]): Tensor {
  return apply(new Expand(checkShape('expand', shape, true)), [x]);
}
