/** Operations that change the order of axes. */
import type { Use } from '../graph/node.ts';
import { checkInteger, unexpected } from '../tensor/check.ts';
import { type Shape, shapeText } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { axisOf, checkDim } from './dims.ts';
import type { MoveMemo } from './move.ts';
import { apply, type Operand, TensorOperation } from './operation.ts';
import { connectPermute, differentiatePermute, runPermute } from './permute.ts';

class Permute extends TensorOperation<MoveMemo | undefined> {
  constructor(
    name: string,
    args: readonly unknown[],
    private readonly dimsOf: (shape: Shape) => readonly number[],
  ) {
    super(name, args);
  }

  connect(use: Use<MoveMemo | undefined>, shape: Shape): Shape {
    return connectPermute(use, shape, this.dimsOf(shape));
  }

  run(use: Use<MoveMemo | undefined>): void {
    runPermute(use);
  }

  runBackward(use: Use<MoveMemo | undefined>): void {
    differentiatePermute(use);
  }
}

/**
 * The axes in another order: axis i of the result is axis `dims[i]` of x. It costs nothing if only axes of length
 * 1 change places. As PyTorch's `torch.permute`.
 *
 * @throws RangeError unless `dims` names each axis once
 */
export function permute(x: Operand, dims: readonly number[]): Tensor {
  if (!Array.isArray(dims)) throw unexpected('permute: dims', 'axes such as [0, 2, 1]', dims);
  const own: number[] = [...dims];
  for (const dim of own) checkInteger('permute', 'dims', dim, -Infinity);
  const dimsOf = (shape: Shape) => {
    const axes = own.map((dim) => axisOf('permute', shape, dim));
    if (axes.length === shape.length && new Set(axes).size === axes.length) return axes;
    throw new RangeError(
      `permute: dims expected to have each axis of ${shapeText(shape)} once, got ${shapeText(own)}`,
    );
  };
  return apply(new Permute('permute', [own], dimsOf), [x]);
}

/**
 * Two axes exchanged. As PyTorch's `torch.transpose`.
 *
 * @throws RangeError for an axis that x does not have
 */
export function transpose(x: Operand, dim0: number, dim1: number): Tensor {
  checkDim('transpose', dim0);
  checkDim('transpose', dim1);
  const dimsOf = (shape: Shape) => {
    const [a, b] = [axisOf('transpose', shape, dim0), axisOf('transpose', shape, dim1)];
    return shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis));
  };
  return apply(new Permute('transpose', [dim0, dim1], dimsOf), [x]);
}
