/** How an operand is broadcast to the shape of an output, and how its gradient is summed. */
import type { Use } from '../graph/node.ts';
import { NULL, type Pointer } from '../memory/memory.ts';
import { ops } from '../runtime/ops.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { type Reduce, reduceLoops, stepsOf } from './loops.ts';

/** The sum over the axes that an operand was broadcast along; undefined if it has the output's size. */
export type Spread = Reduce | undefined;

/**
 * @throws RangeError for more alternating axes than kernels have loops for
 */
export function spreadOf(use: Use, y: Shape, shape: Shape): Spread {
  if (sizeOf(shape) === sizeOf(y)) return undefined;
  const loops = reduceLoops(use, y, stepsOf(shape, y), Array(y.length).fill(0));
  if (loops) return loops;
  throw new RangeError(
    `${use.leaf}: an input expected to be broadcast along at most 3 runs of axes, got ` +
      `[${shape.join(', ')}] for [${y.join(', ')}]: join axes with reshape first`,
  );
}

/** The floats of scratch that the largest of these sums takes. */
export function scratchOf(spreads: readonly Spread[]): number {
  return Math.max(0, ...spreads.map((spread) => spread?.scratch ?? 0));
}

/**
 * dx = scale·Σ of what stands at `from`, which has the output's shape, for the i-th operand, which is smaller. The
 * first floats of the scratch memory are overwritten.
 */
export function sumSpread(
  use: Use,
  i: number,
  dx: Pointer,
  from: Pointer,
  { shape }: NonNullable<Spread>,
  scale = 1,
): void {
  const n = use.inputs[i]!.slot.length;
  ops().sumProducts(dx, from, NULL, shape.ptr, scale, 0, n, use.scratch);
}
