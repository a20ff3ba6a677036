/** Tensors joined along an axis. */
import type { Use } from '../graph/node.ts';
import { offset } from '../memory/memory.ts';
import { kernels } from '../runtime/engine.ts';
import { unexpected } from '../tensor/check.ts';
import { type Shape, shapeText, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { axisOf, checkDim } from './dims.ts';
import { apply, type Operand, TensorOperation } from './operation.ts';
import { unsqueeze } from './reshape.ts';

class Concat extends TensorOperation<number> {
  constructor(
    name: string,
    private readonly dim: number,
  ) {
    super(name, [dim]);
  }

  connect(use: Use<number>, ...shapes: Shape[]): Shape {
    const first = shapes[0]!;
    const axis = axisOf(this.name, first, this.dim);
    for (const shape of shapes) {
      const agrees =
        shape.length === first.length &&
        shape.every((length, i) => i === axis || length === first[i]);
      if (agrees) continue;
      throw new RangeError(
        `${this.name}: inputs expected to differ along axis ${axis} only, got ` +
          shapes.map(shapeText).join(' and '),
      );
    }
    use.memo = axis;
    use.keeps({});
    const total = shapes.reduce((sum, shape) => sum + shape[axis]!, 0);
    return first.map((length, i) => (i === axis ? total : length));
  }

  run(use: Use<number>): void {
    eachPart(use, (i, at, rows, width, whole) =>
      kernels().copyRows(offset(use.y, at), use.input(i), rows, width, whole, width),
    );
  }

  runBackward(use: Use<number>): void {
    eachPart(use, (i, at, rows, width, whole) => {
      const dx = use.inputGradient(i);
      if (dx) kernels().copyRows(dx, offset(use.dy, at), rows, width, width, whole);
    });
  }
}

/** Where the parts of a concatenation stand in its rows. */
function eachPart(
  use: Use<number>,
  visit: (i: number, at: number, rows: number, width: number, whole: number) => void,
): void {
  const { shape } = use.output;
  const rows = sizeOf(shape.slice(0, use.memo));
  const whole = sizeOf(shape.slice(use.memo));
  let at = 0;
  for (const [i, input] of use.inputs.entries()) {
    const width = sizeOf(input.shape.slice(use.memo));
    visit(i, at, rows, width, whole);
    at += width;
  }
}

/** @throws TypeError or RangeError unless `tensors` is a list of one or more */
function checkList(who: string, tensors: readonly Operand[]): readonly Operand[] {
  if (!Array.isArray(tensors)) throw unexpected(`${who}: tensors`, 'a list', tensors);
  if (tensors.length === 0) throw new RangeError(`${who}: tensors expected one or more, got none`);
  return [...tensors];
}

/**
 * Joins tensors along an axis; their other axes must be equally long. As PyTorch's `torch.cat`.
 *
 * @param dim default 0
 * @throws RangeError for shapes that differ along another axis
 */
export function concat(tensors: readonly Operand[], dim = 0): Tensor {
  const list = checkList('concat', tensors);
  checkDim('concat', dim);
  return apply(new Concat('concat', dim), list);
}

/**
 * Joins tensors of one shape along a new axis. As PyTorch's `torch.stack`.
 *
 * @param dim the place of the new axis, default 0
 * @throws RangeError for shapes that differ
 */
export function stack(tensors: readonly Operand[], dim = 0): Tensor {
  const list = checkList('stack', tensors);
  checkDim('stack', dim);
  const raised = list.map((tensor) => unsqueeze(tensor, dim));
  return apply(new Concat('stack', dim), raised);
}
