/** Operations that change the shape and leave the numbers where they are. */
import type { Use } from '../graph/node.ts';
import { checkInteger, unexpected } from '../tensor/check.ts';
import { type Shape, shapeText, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { axisOf, checkDim } from './dims.ts';
import { apply, type Operand, TensorOperation } from './operation.ts';
import { copyGradient } from './view.ts';

/** An operation that gives its input another shape: the two share their bytes. */
class View extends TensorOperation {
  constructor(
    name: string,
    args: readonly unknown[],
    private readonly shapeOf: (shape: Shape) => Shape,
  ) {
    super(name, args);
  }

  connect(use: Use, shape: Shape): Shape {
    use.isView();
    return this.shapeOf(shape);
  }

  run(): void {}

  runBackward(use: Use): void {
    copyGradient(use);
  }
}

/** @throws TypeError or RangeError unless `shape` is a list of whole numbers ≥ 1, or −1 where it may be */
export function checkShape(
  who: string,
  shape: readonly number[],
  free: boolean,
): readonly number[] {
  if (!Array.isArray(shape)) throw unexpected(`${who}: shape`, 'a list such as [8, -1]', shape);
  const own: number[] = [...shape];
  for (const length of own) {
    if (!(free && length === -1)) checkInteger(who, 'shape', length);
  }
  return own;
}

/**
 * The same numbers in another shape, which costs nothing. One length may be −1: it follows from the others. As
 * PyTorch's `torch.reshape`.
 *
 * @throws RangeError for a shape of another size, or with more than one −1
 */
export function reshape(x: Operand, shape: readonly number[]): Tensor {
  const own = checkShape('reshape', shape, true);
  const view = new View('reshape', [own], (from) => {
    const known = Math.abs(sizeOf(own));
    const free = own.filter((length) => length === -1).length;
    const rest = sizeOf(from) / known;
    if (free > 1 || !(free ? Number.isInteger(rest) : rest === 1)) {
      throw new RangeError(
        `reshape: shape expected ${sizeOf(from)} elements, and at most one −1, as ${shapeText(from)} has them, ` +
          `got ${shapeText(own)}`,
      );
    }
    return own.map((length) => (length === -1 ? rest : length));
  });
  return apply(view, [x]);
}

/**
 * Drops an axis of length 1, or all of them, which costs nothing. As PyTorch's `torch.squeeze`.
 *
 * @param dim default: all axes of length 1
 * @throws RangeError for an axis that x does not have. An axis of another length stays.
 */
export function squeeze(x: Operand, dim?: number): Tensor {
  if (dim !== undefined) checkDim('squeeze', dim);
  const view = new View('squeeze', [dim], (shape) => {
    const only = dim === undefined ? undefined : axisOf('squeeze', shape, dim);
    return shape.filter((length, axis) => length !== 1 || (only !== undefined && axis !== only));
  });
  return apply(view, [x]);
}

/**
 * Adds an axis of length 1, which then is axis `dim`; it costs nothing. As PyTorch's `torch.unsqueeze`.
 *
 * @throws RangeError for a place that x does not have
 */
export function unsqueeze(x: Operand, dim: number): Tensor {
  checkDim('unsqueeze', dim);
  const view = new View('unsqueeze', [dim], (shape) => {
    const axis = axisOf('unsqueeze', shape, dim, 1);
    return [...shape.slice(0, axis), 1, ...shape.slice(axis)];
  });
  return apply(view, [x]);
}

/** The numbers of x, from which no gradient flows back. It costs nothing. As PyTorch's `Tensor.detach`. */
export function detach(x: Operand): Tensor {
  return apply(new Detach('detach', [], (shape) => shape), [x]);
}

class Detach extends View {
  override connect(use: Use, shape: Shape): Shape {
    use.noGradient(0);
    return super.connect(use, shape);
  }

  override runBackward(): void {}
}
