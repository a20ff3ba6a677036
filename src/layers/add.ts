import type { Use } from '../graph/node.ts';
import { Leaf } from '../module/leaf.ts';
import { kernels } from '../runtime/engine.ts';
import { type Shape, sameShape, shapeText } from '../tensor/shape.ts';

/**
 * y = x₁ + x₂ + …, of inputs of one shape: `add.forward([a, b])`; each input's gradient is dy.
 */
export class Add extends Leaf {
  override get maxInputs(): number {
    return Number.POSITIVE_INFINITY;
  }

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

  override get reluEpilogue() {
    return 'mask' as const;
  }

  run(use: Use): void {
    const n = use.output.slot.length;
    const last = use.inputs.length - 1;
    for (let i = 1; i <= last; i++) {
      const relu = i === last && use.relu ? 1 : 0;
      kernels().addForward(use.y, i === 1 ? use.x : use.y, use.input(i), relu, 0, n);
    }
  }

  runBackward(use: Use): void {
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
