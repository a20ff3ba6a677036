import type { Use } from '../../graph/node.ts';
import type { Pointer } from '../../memory/memory.ts';
import { Leaf } from '../../module/leaf.ts';
import type { Shape } from '../../tensor/shape.ts';

/**
 * The base of activations y = f(x), element by element: any shape, the same out as in.
 *
 * A subclass calls its two kernels. Both are given n elements; y may overwrite x, and dx may overwrite dy
 * or the saved tensor.
 */
export abstract class Elementwise extends Leaf {
  /**
   * Whether the gradient is computed from y. Then x is not kept, and y may overwrite it. Otherwise it is
   * computed from x.
   */
  protected get fromOutput(): boolean {
    return true;
  }

  /** y = f(x) */
  protected abstract value(y: Pointer, x: Pointer, n: number): void;

  /** dx = dy·f′, with `saved` = y, or x unless `fromOutput`. */
  protected abstract gradient(dx: Pointer, saved: Pointer, dy: Pointer, n: number): void;

  connect(use: Use, shape: Shape): Shape {
    const { fromOutput } = this;
    use.keeps({ input: !fromOutput, output: fromOutput });
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    return shape;
  }

  run(use: Use): void {
    this.value(use.y, use.x, use.output.slot.length);
  }

  runBackward(use: Use): void {
    const { dx, dy } = use;
    if (dx) this.gradient(dx, this.fromOutput ? use.y : use.x, dy, use.output.slot.length);
  }

  override toString(): string {
    return `${this.constructor.name}()`;
  }
}
