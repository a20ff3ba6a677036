import { type Shape, sameShape, shapeText } from '../check.ts';
import type { Use } from '../plan/use.ts';
import { kernels } from '../runtime/engine.ts';
import { Leaf } from './leaf.ts';

/**
 * y = x₁ + x₂ + …, of inputs of one shape: `add.forward([a, b])`; each input's gradient is dy.
 */
export class Add extends Leaf {
  connect(use: Use, ...shapes: Shape[]): Shape {
    const [first, ...others] = shapes as [Shape, ...Shape[]];
    if (others.length === 0) throw new RangeError('Add: expected two inputs or more, got one');
    for (const other of others) {
      if (!sameShape(first, other)) {
        throw new RangeError(
          `Add: inputs expected of one shape, got ${shapeText(first)} and ${shapeText(other)}`,
        );
      }
    }
    use.keeps({});
    use.mayOverwriteInput();
    use.mayOverwriteGradient();
    return first;
  }

  compute(use: Use): void {
    const n = use.output.slot.length;
    kernels().addForward(use.y, use.x, use.input(1), 0, n);
    for (let i = 2; i < use.inputs.length; i++) {
      kernels().addForward(use.y, use.y, use.input(i), 0, n);
    }
  }

  differentiate(use: Use): void {
    const n = use.output.slot.length;
    for (let i = 0; i < use.inputs.length; i++) {
      const dx = use.inputGradient(i);
      if (dx && dx !== use.dy) kernels().copyRows(dx, use.dy, 1, n, n, n);
    }
  }

  override toString(): string {
    return 'Add()';
  }
}
