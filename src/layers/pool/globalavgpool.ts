import type { Use } from '../../graph/node.ts';
import { Leaf } from '../../module/leaf.ts';
import { common } from '../../runtime/common.ts';
import { type Shape, shapeText, sizeOf } from '../../tensor/shape.ts';

interface Memo {
  readonly planes: number;
  /** Positions of a plane. */
  readonly size: number;
}

/**
 * The mean of each channel's plane (or row), whose axes are dropped:
 *
 * y[n, c] = mean of x[n, c, …]
 *
 * Shape: [N, C, …] → [N, C]: what `AdaptiveAvgPool2d(1)` and `Flatten()` do together.
 *
 * @throws RangeError in `forward` for fewer than three axes
 */
export class GlobalAvgPool extends Leaf<Memo> {
  connect(use: Use<Memo>, shape: Shape): Shape {
    if (shape.length < 3) {
      throw new RangeError(`${this}: input expected [N, C, …], got ${shapeText(shape)}`);
    }
    use.keeps({});
    use.memo = { planes: shape[0]! * shape[1]!, size: sizeOf(shape.slice(2)) };
    return shape.slice(0, 2);
  }

  run(use: Use<Memo>): void {
    const { planes, size } = use.memo;
    common().globalAvgPoolForward(use.y, use.x, size, 0, planes);
  }

  runBackward(use: Use<Memo>): void {
    const { planes, size } = use.memo;
    if (use.dx) common().globalAvgPoolBackward(use.dx, use.dy, size, 0, planes);
  }

  override toString(): string {
    return 'GlobalAvgPool()';
  }
}
