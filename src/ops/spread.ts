/** How an operand is broadcast to the shape of an output, and how its gradient is summed. */
import type { ReduceShape } from '../generated/kernels.ts';
import type { Use } from '../graph/node.ts';
import { NULL, type Pointer } from '../memory/memory.ts';
import type { Struct } from '../memory/struct.ts';
import { ops } from '../runtime/ops.ts';
import { type Shape, sizeOf } from '../tensor/shape.ts';
import { reduceLoops, stepsOf } from './loops.ts';

/** The sum over the axes that an operand was broadcast along; undefined if it has the output's size. */
export type Spread = Struct<ReduceShape, 'ReduceShape'> | undefined;

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

/** dx = scale·Σ of what stands at `from`, which has the output's shape, for an operand that is smaller. */
export function sumSpread(
  dx: Pointer,
  from: Pointer,
  spread: NonNullable<Spread>,
  n: number,
  scale = 1,
): void {
  ops().sumProducts(dx, from, NULL, spread.ptr, scale, 0, n);
}
