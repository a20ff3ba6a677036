import type { Use } from '../graph/node.ts';
import { offset } from '../memory/memory.ts';
import { Leaf } from '../module/leaf.ts';
import { kernels } from '../runtime/engine.ts';
import { checkInteger } from '../tensor/check.ts';
import { type Shape, shapeText, sizeOf } from '../tensor/shape.ts';

/**
 * Joins inputs along one axis: `concat.forward([a, b])`. Their other axes must be equally long.
 *
 * @param axis the axis to join along; 1 (channels) by default
 */
export class Concat extends Leaf {
  override get maxInputs(): number {
    return Number.POSITIVE_INFINITY;
  }

  constructor(
    readonly axis = 1,
    ...rest: []
  ) {
    super(...rest);
    checkInteger('Concat', 'axis', axis, 0);
  }

  connect(use: Use, ...shapes: Shape[]): Shape {
    const first = shapes[0]!;
    for (const shape of shapes) {
      const agrees =
        shape.length === first.length &&
        this.axis < shape.length &&
        shape.every((extent, i) => i === this.axis || extent === first[i]);
      if (!agrees) {
        throw new RangeError(
          `${this}: inputs expected to differ along axis ${this.axis} only, ` +
            `got ${shapes.map(shapeText).join(' and ')}`,
        );
      }
    }
    use.keeps({});
    const total = shapes.reduce((sum, shape) => sum + shape[this.axis]!, 0);
    return first.map((extent, i) => (i === this.axis ? total : extent));
  }

  run(use: Use): void {
    const { shape } = use.output;
    const rows = sizeOf(shape.slice(0, this.axis));
    const whole = sizeOf(shape.slice(this.axis));
    let at = 0;
    for (const [i, input] of use.inputs.entries()) {
      const width = sizeOf(input.shape.slice(this.axis));
      kernels().copyRows(offset(use.y, at), use.input(i), rows, width, whole, width);
      at += width;
    }
  }

  runBackward(use: Use): void {
    const { shape } = use.output;
    const rows = sizeOf(shape.slice(0, this.axis));
    const whole = sizeOf(shape.slice(this.axis));
    let at = 0;
    for (const [i, input] of use.inputs.entries()) {
      const width = sizeOf(input.shape.slice(this.axis));
      const dx = use.inputGradient(i);
      if (dx) kernels().copyRows(dx, offset(use.dy, at), rows, width, width, whole);
      at += width;
    }
  }

  override toString(): string {
    return `Concat(${this.axis})`;
  }
}
