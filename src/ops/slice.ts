/** Parts of tensors. */
import type { Use } from '../graph/node.ts';
import { checkInteger } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import { type Shape, shapeText, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { axisOf, checkDim } from './dims.ts';
import { stepsOf } from './loops.ts';
import { connectMove, differentiateMove, type MoveMemo, runMove } from './move.ts';
import { apply, type Operand, shapeOf, TensorOperation } from './operation.ts';

class Slice extends TensorOperation<MoveMemo> {
  constructor(
    name: string,
    private readonly dim: number,
    private readonly start: number,
    private readonly end: number | undefined,
    private readonly step: number,
  ) {
    super(name, [dim, start, end, step]);
  }

  connect(use: Use<MoveMemo>, shape: Shape): Shape {
    const { dim, start, end, step } = this;
    const axis = axisOf(this.name, shape, dim);
    const length = shape[axis]!;
    const inside = (i: number) => Math.min(Math.max(i < 0 ? length + i : i, 0), length);
    const from = inside(start);
    const count = Math.ceil((inside(end ?? length) - from) / step);
    if (count < 1) {
      throw new RangeError(
        `${this.name}: expected a part of one or more along axis ${axis} of ${shapeText(shape)}, got ` +
          `[${start}, ${end ?? length})`,
      );
    }
    const output = shape.map((extent, i) => (i === axis ? count : extent));
    const steps = stepsOf(shape, shape);
    const inner = sizeOf(shape.slice(axis + 1));
    const part = {
      shape: output,
      y: { from: 0, steps: stepsOf(output, output) },
      x: { from: from * inner, steps: steps.map((by, i) => (i === axis ? inner * step : by)) },
    };
    connectMove(use, part, { y: sizeOf(output), x: sizeOf(shape) });
    return output;
  }

  run(use: Use<MoveMemo>): void {
    runMove(use);
  }

  runBackward(use: Use<MoveMemo>): void {
    differentiateMove(use);
  }
}

export interface SliceOptions {
  /** Every how many-th number is taken. Default 1. */
  step?: number;
}

/**
 * The part [start, end) along an axis; negative numbers count from the end. Its numbers are copied. As
 * `x[start:end:step]` in PyTorch.
 *
 * @param end default: to the end
 * @throws RangeError for an axis that x does not have, or if nothing is left
 */
export function slice(
  x: Operand,
  dim: number,
  start: number,
  end?: number | undefined,
  ...rest: [options?: SliceOptions | undefined]
): Tensor {
  const { step } = optionsOf('slice', rest, { step: 1 });
  checkDim('slice', dim);
  checkInteger('slice', 'start', start, -Infinity);
  if (end !== undefined) checkInteger('slice', 'end', end, -Infinity);
  checkInteger('slice', 'step', step);
  return apply(new Slice('slice', dim, start, end, step), [x]);
}

/**
 * Cuts a tensor into parts along an axis. As PyTorch's `torch.split`.
 *
 * @param sizes the length of each part, or one number for all; the last part may then be shorter
 * @param dim default 0
 * @throws RangeError for sizes that do not add up to the axis's length
 */
export function split(x: Operand, sizes: number | readonly number[], dim = 0): Tensor[] {
  checkDim('split', dim);
  const list: readonly number[] = Array.isArray(sizes) ? [...sizes] : [sizes];
  for (const size of list) checkInteger('split', 'sizes', size);
  const shape = shapeOf('split', x);
  const length = shape[axisOf('split', shape, dim)]!;
  const parts = Array.isArray(sizes)
    ? list
    : Array.from({ length: Math.ceil(length / list[0]!) }, (_, i) =>
        Math.min(list[0]!, length - i * list[0]!),
      );
  if (parts.reduce((sum, size) => sum + size, 0) !== length) {
    throw new RangeError(
      `split: sizes expected to add up to ${length}, axis ${dim} of ${shapeText(shape)}, got ` +
        shapeText(parts),
    );
  }
  let at = 0;
  return parts.map((size) => {
    at += size;
    return apply(new Slice('split', dim, at - size, at, 1), [x]);
  });
}
