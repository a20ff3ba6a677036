import type { Use } from '../graph/use.ts';
import { Leaf } from '../module/leaf.ts';
import { kernels } from '../runtime/engine.ts';
import { type Shape, sameShape, shapeText } from '../tensor/check.ts';
import { ReLU } from './activation/activation.ts';

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

  override absorb(use: Use, next: Use): boolean {
    if (!(next.leaf instanceof ReLU)) return false;
    use.memo = 'relu';
    use.keeps({ output: true });
    return true;
  }

  compute(use: Use): void {
    const n = use.output.slot.length;
    const last = use.inputs.length - 1;
    for (let i = 1; i <= last; i++) {
      const relu = i === last && use.memo === 'relu' ? 1 : 0;
      kernels().addForward(use.y, i === 1 ? use.x : use.y, use.input(i), relu, 0, n);
    }
  }

  differentiate(use: Use): void {
    const n = use.output.slot.length;
    if (use.memo === 'relu') kernels().reluBackward(use.dy, use.y, use.dy, 0, n);
    for (let i = 0; i < use.inputs.length; i++) {
      const dx = use.inputGradient(i);
      if (dx && dx !== use.dy) kernels().copyRows(dx, use.dy, 1, n, n, n);
    }
  }

  override toString(): string {
    return 'Add()';
  }
}
