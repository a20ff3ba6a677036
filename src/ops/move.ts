/** Operations that only move numbers: of the layers `Permute` and `ConstantPad2d`. */
import type { CopyShape } from '../generated/kernels.ts';
import type { Use } from '../graph/node.ts';
import { offset, type Pointer } from '../memory/memory.ts';
import { ops } from '../runtime/ops.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { copyLoops, type Planes } from './loops.ts';

type Loops = Planes<CopyShape, 'CopyShape'>;

/** A part of x that becomes a part of y. */
export interface Part {
  readonly shape: Shape;
  /** Where the parts begin, and how they step along the axes of `shape`. */
  readonly y: { readonly from: number; readonly steps: readonly number[] };
  readonly x: { readonly from: number; readonly steps: readonly number[] };
}

export interface MoveMemo {
  readonly forward: Loops;
  readonly backward: Loops;
  readonly yFrom: number;
  readonly xFrom: number;
  /** What the rest of y is filled with; undefined if there is no rest. */
  readonly fill: number | undefined;
  /** Whether a part of x goes nowhere, so that its gradient is 0. */
  readonly leaves: boolean;
}

export function connectMove(
  use: Use<MoveMemo>,
  { shape, y, x }: Part,
  sizes: { y: number; x: number },
  fill = 0,
): void {
  const moved = sizeOf(shape);
  use.keeps({});
  use.memo = {
    forward: copyLoops(use, shape, y.steps, x.steps),
    backward: copyLoops(use, shape, x.steps, y.steps),
    yFrom: y.from,
    xFrom: x.from,
    fill: moved < sizes.y ? fill : undefined,
    leaves: moved < sizes.x,
  };
}

export function runMove(use: Use<MoveMemo>): void {
  const { forward, yFrom, xFrom, fill } = use.memo;
  if (fill !== undefined) ops().fillWith(use.y, fill, 0, use.output.slot.length);
  copy(offset(use.y, yFrom), offset(use.x, xFrom), forward);
}

export function differentiateMove(use: Use<MoveMemo>): void {
  const { dx, dy } = use;
  if (!dx) return;
  const { backward, yFrom, xFrom, leaves } = use.memo;
  if (leaves) ops().fillWith(dx, 0, 0, use.inputs[0]!.slot.length);
  copy(offset(dx, xFrom), offset(dy, yFrom), backward);
}

function copy(y: Pointer, x: Pointer, { shape, planes }: Loops): void {
  ops().copyStrided(y, x, shape.ptr, 0, planes);
}
