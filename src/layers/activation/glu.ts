import type { Use } from '../../graph/node.ts';
import { Leaf } from '../../module/leaf.ts';
import { extra } from '../../runtime/extra.ts';
import { checkInteger } from '../../tensor/check.ts';
import { type Shape, shapeText, sizeOf } from '../../tensor/shape.ts';

/** The input seen as [n, 2, half]. */
interface Halves {
  readonly n: number;
  readonly half: number;
}

/**
 * y = a·σ(b), where a and b are the two halves of x along an axis
 *
 * da = dy·σ(b), db = dy·a·σ(b)·(1 − σ(b)). Shape: […, 2·C, …] → […, C, …]. As PyTorch's `nn.GLU`; Dauphin et
 * al., 2016 (arXiv:1612.08083).
 *
 * @throws RangeError if dim is no whole number; in `forward` if the input lacks the axis, or its length is odd
 */
export class GLU extends Leaf<Halves> {
  /** @param dim the axis; negative ones count from the last. Default −1. */
  constructor(
    readonly dim = -1,
    ...rest: []
  ) {
    super(...rest);
    checkInteger('GLU', 'dim', dim, -Infinity);
  }

  connect(use: Use<Halves>, shape: Shape): Shape {
    const axis = this.dim < 0 ? shape.length + this.dim : this.dim;
    const extent = shape[axis];
    if (extent === undefined || extent % 2 !== 0) {
      throw new RangeError(
        `${this}: input expected to have an axis ${this.dim} of even length, got ${shapeText(shape)}`,
      );
    }
    const n = sizeOf(shape.slice(0, axis));
    use.memo = { n, half: sizeOf(shape) / (2 * n) };
    use.keeps({ input: true });
    return shape.map((length, i) => (i === axis ? length / 2 : length));
  }

  run(use: Use<Halves>): void {
    const { n, half } = use.memo;
    extra().gluForward(use.y, use.x, half, 0, n);
  }

  runBackward(use: Use<Halves>): void {
    const { n, half } = use.memo;
    if (use.dx) extra().gluBackward(use.dx, use.x, use.dy, half, 0, n);
  }

  override toString(): string {
    return `GLU(${this.dim})`;
  }
}
