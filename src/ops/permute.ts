/** Axes in another order: of the layer `Permute`, and of the functions `permute` and `transpose`. */
import type { Use } from '../graph/node.ts';
import type { Shape } from '../tensor/shape.ts';
import { isInOrder, stepsOf } from './loops.ts';
import { connectMove, differentiateMove, type MoveMemo, runMove } from './move.ts';
import { copyGradient } from './view.ts';

/** Axis i of the output is axis `dims[i]` of the input. The memo is undefined for a view. */
export function connectPermute(
  use: Use<MoveMemo | undefined>,
  shape: Shape,
  dims: readonly number[],
): Shape {
  const output = dims.map((dim) => shape[dim]!);
  const steps = stepsOf(shape, shape);
  const x = dims.map((dim) => steps[dim]!);
  const y = stepsOf(output, output);
  use.memo = undefined;
  if (isInOrder(output, y, x)) use.isView();
  else {
    const part = { shape: output, y: { from: 0, steps: y }, x: { from: 0, steps: x } };
    connectMove(use as Use<MoveMemo>, part, { y: 0, x: 0 });
  }
  return output;
}

export function runPermute(use: Use<MoveMemo | undefined>): void {
  if (use.memo) runMove(use as Use<MoveMemo>);
}

export function differentiatePermute(use: Use<MoveMemo | undefined>): void {
  if (use.memo) differentiateMove(use as Use<MoveMemo>);
  else copyGradient(use);
}
